const out = [];
const rss = () => {
  global.gc();
  const m = process.memoryUsage();
  return `${(m.rss / 1e6).toFixed(1)} heap ${(m.heapUsed / 1e6).toFixed(1)}/${(m.heapTotal / 1e6).toFixed(1)} ext ${(m.external / 1e6).toFixed(1)}`;
};
console.log('base', rss());
for (const m of process.argv.slice(2)) {
  await import(m);
  console.log(m, rss());
}
