import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GATEWAY_URL, sleep, until, World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await world?.close();
});
test('stable', async () => {
  const g = await world.startGateway();
  const made = await world.claim('RTW 1');
  await world.agent(['enroll', GATEWAY_URL, made.claim]);
  const agent = world.startAgent({ logLevel: 'debug' });
  for (const at of [4, 8, 14]) { await sleep(at === 4 ? 4000 : at === 8 ? 4000 : 6000);
  const r = await world.report();
  console.log('MEM', at, r?.agent.control.connected, readFileSync(`/proc/${r!.process.pid}/status`, 'utf8').match(/(VmRSS|RssAnon|Threads).*/g)!.map(x=>x.replace(/\s+/g,' ')).join(' '), r!.process.heapUsedBytes/1e6, (r!.process.cpuUserUs + r!.process.cpuSystemUs) / 1e6); }
  const t=performance.now(); agent.process.kill('SIGTERM'); console.log('end', await agent.ended, performance.now()-t);
});
