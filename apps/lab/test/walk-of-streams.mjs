/** Streams and flows as the benches use them, on two bare links without a tunnel; prints what was seen as JSON. */
import { Ground } from '../dist/bench/ground/ground.js';
import { policyOf } from '../dist/bench/policy.js';

const way = { rateBps: 20e6, delayUs: 5_000 };
const links = [0, 1].map((index) => ({ name: `w${index}`, up: way, down: way, priority: index + 1 }));
const ground = await Ground.create({ links, vehicles: 1, seed: 1, policy: policyOf(), tunnel: false });

async function run(name, act) {
  await ground.fresh();
  const before = await ground.lab.links();
  const figures = await act();
  const carried = {};
  for (const { link, direction, bytes } of await ground.lab.links()) carried[`${link} ${direction}`] = bytes;
  return { name, atStart: Math.max(...before.map((l) => l.bytes)), carried, figures };
}

const plan = (more) => ({ seconds: 1, congestion: 'cubic', direction: 'up', ...more });
const seen = [];
seen.push(await run('bare', () => ground.stream(0, 'w1', plan())));
seen.push(await run('mptcp up', () => ground.stream(0, 'mptcp', plan({ seconds: 2 }))));
seen.push(await run('mptcp down', () => ground.stream(0, 'mptcp', plan({ seconds: 2, direction: 'down' }))));
const paced = { bytes: 500, intervalUs: 10_000 };
seen.push(await run('paced', () => ground.stream(0, 'w0', plan({ direction: 'down', paced }))));
const vitals = { kind: 'vitals', direction: 'down', packetsPerSecond: 50, bytes: 200 };
seen.push(await run('flow', () => ground.flow(0, 'w1', vitals, 1)));
await ground.close();
console.log(JSON.stringify(seen));
