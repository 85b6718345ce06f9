/** Walks through everything that one emulated link can do, without a tunnel, and prints what was seen as JSON. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GATEWAY_OUTSIDE, Lab } from '../dist/index.js';

const way = { rateBps: 50e6, delayUs: 10_000 };
const link = (name, more = {}) => ({ name, up: way, down: way, ...more });
const lab = await Lab.create({
  tunnel: false,
  vehicles: 2,
  links: (vehicle) => [link('w0', vehicle === 0 ? { nat: {} } : {})],
});

const script = (name) => [process.execPath, fileURLToPath(new URL(name, import.meta.url))];
const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
const echo = lab.spawnIn('gateway', 0, script('source-echo.mjs'), { stdio });
await once(echo, 'message');
await once(echo, 'message');
const askers = [];
for (const vehicle of [0, 1]) {
  const asker = lab.spawnIn('vehicle', vehicle, script('asker.mjs'), { stdio });
  await once(asker, 'message');
  askers.push(asker);
}

async function ask(vehicle, family = 4, waitMs = 2000) {
  const answered = once(askers[vehicle], 'message');
  askers[vehicle].send({ address: family === 4 ? GATEWAY_OUTSIDE.v4 : GATEWAY_OUTSIDE.v6, waitMs });
  const [answer] = await answered;
  return answer;
}

const seen = {};
seen.nat4 = await ask(0);
seen.nat6 = await ask(0, 6);
seen.again = await ask(0);
seen.plain4 = await ask(1);
seen.plain6 = await ask(1, 6);

lab.rebindNat(0, 'w0');
seen.rebound = await ask(0);

await lab.changeAddress(1, 'w0');
seen.moved4 = await ask(1);
seen.moved6 = await ask(1, 6);

for (const direction of ['up', 'down']) {
  lab.cut(1, 'w0', direction);
  seen[`cut ${direction}`] = await ask(1, 4, 300);
  lab.restore(1, 'w0', direction);
  seen[`restored ${direction}`] = await ask(1);
}
lab.setLink(1, 'w0', 'up', { delayUs: 60_000 });
seen.slower = await ask(1);
seen.links = await lab.links();
await lab.close();
console.log(JSON.stringify(seen));
