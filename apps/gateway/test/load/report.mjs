/** From measured figures to a table and a verdict. */
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 };
const MEBIBYTE = 2 ** 20;
/** In less time, what grows is caches that fill. */
const LONG_ENOUGH_FOR_MEMORY_SECONDS = 120;
/** What a fleet of a thousand has to feel like. */
const TARGETS = { feedP95Ms: 100, restP95Ms: 100, pushP99Ms: 1000, growthMebibytesPerMinute: 5 };

export function quantile(values, q) {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
}

/** Replaces lists by their quantiles and adds the targets with what was reached. */
export function judge({ latencyMs, gateway, ...measured }) {
  const { rest, ...others } = latencyMs;
  const latency = Object.fromEntries(
    [
      ...Object.entries(others),
      ['rest', Object.values(rest).flat()],
      ...Object.entries(rest).map(([name, values]) => [`rest: ${name}`, values]),
    ].map(([name, values]) => [name, summary(values)]),
  );
  const growth = growthPerMinute(gateway.rss) / MEBIBYTE;
  const { undelivered, dropped } = measured.records;
  const targets = [
    target('telemetry at 1 Hz', measured.framesPerSecond, (value) => value >= 0.99 * measured.devices, 'frames/s'),
    target('sessions alive at the end', measured.connected, (value) => value === measured.devices, ''),
    target('records lost or not committed', undelivered + dropped, (value) => value === 0, ''),
    target('console feed, figures, p95', latency.feed.p95, (value) => value < TARGETS.feedP95Ms, 'ms'),
    target('REST, p95', latency.rest.p95, (value) => value < TARGETS.restP95Ms, 'ms'),
    target('failed requests, lost feeds', measured.errors.length, (value) => value === 0, ''),
  ];
  if (latency.events.count > 0) {
    const { p95 } = latency.events;
    targets.push(target('console feed, path switches, p95', p95, (value) => value < TARGETS.feedP95Ms, 'ms'));
  }
  if (measured.seconds >= LONG_ENOUGH_FOR_MEMORY_SECONDS) {
    const most = TARGETS.growthMebibytesPerMinute;
    targets.push(target('growth of memory', growth, (value) => value < most, 'MiB/min'));
  }
  if (latency.pushes.count > 0) {
    targets.push(target('policy push to applied, p99', latency.pushes.p99, (value) => value < TARGETS.pushP99Ms, 'ms'));
  }
  return { ...measured, gateway: { ...gateway, growthMebibytesPerMinute: growth }, latencyMs: latency, targets };
}

/** The table that people read. */
export function report({ devices, seconds, latencyMs, gateway, feed, targets, errors, latestTickMs }) {
  const lines = [`\n${devices} devices, ${seconds} s, one process; a console and REST requests in another\n`];
  lines.push(row('latency, ms', 'count', ...Object.keys(QUANTILES)));
  for (const [name, figures] of Object.entries(latencyMs)) {
    lines.push(row(name, figures.count, ...Object.keys(QUANTILES).map((key) => figures[key].toFixed(1))));
  }
  const rss = gateway.rss.map(({ bytes }) => bytes / MEBIBYTE);
  lines.push(
    '',
    `gateway: ${gateway.cpuCores.toFixed(2)} cores, resident ${rss[0].toFixed(0)} MiB at first, ${rss.at(-1).toFixed(0)} at last, ` +
      `${Math.max(...rss).toFixed(0)} at most, ${gateway.warnings} lines of log`,
    `feed: ${feed.messagesPerSecond.toFixed(1)} messages/s, ${(feed.bytesPerSecond / 1024).toFixed(0)} KiB/s, ${feed.snapshots} snapshots`,
    `the simulated fleet's own timer was at most ${latestTickMs.toFixed(0)} ms late (p99)`,
    '',
  );
  for (const { name, value, unit, met } of targets) {
    lines.push(`${met ? 'met   ' : 'MISSED'}  ${name}: ${Number(value.toFixed(1))} ${unit}`.trimEnd());
  }
  for (const error of errors.slice(0, 10)) lines.push(`error: ${error}`);
  return `${lines.join('\n')}\n`;
}

function summary(values) {
  const entries = Object.entries(QUANTILES).map(([name, q]) => [name, Math.round(100 * quantile(values, q)) / 100]);
  return { count: values.length, ...Object.fromEntries(entries) };
}

function target(name, value, holds, unit) {
  return { name, value, unit, met: holds(value) };
}

/** Slope of the least-squares line through the later two thirds: the first third still fills caches. Bytes a minute. */
function growthPerMinute(samples) {
  const late = samples.slice(Math.floor(samples.length / 3));
  const mean = (values) => values.reduce((all, value) => all + value, 0) / values.length;
  const [s, b] = [mean(late.map((one) => one.s)), mean(late.map((one) => one.bytes))];
  const covariance = mean(late.map((one) => (one.s - s) * (one.bytes - b)));
  const variance = mean(late.map((one) => (one.s - s) ** 2));
  return variance === 0 ? 0 : (60 * covariance) / variance;
}

function row(name, ...cells) {
  return [name.padEnd(30), ...cells.map((cell) => String(cell).padStart(9))].join(' ');
}
