/**
 * What bundles save: datagrams and bytes of each direction, IP and UDP headers included, beside what the same run would have sent
 * with each packet in a datagram of its own (60 bytes more for each datagram saved: 40 around a packet, 28 of IP and UDP, less
 * 8 in the bundle):
 *
 *   node libs/sim/test/bundling.mjs [SEEDS] [--no-build]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { handshake } from './node-handshake.js';

const IP_AND_UDP = 28;
const SAVED_BYTES = 60;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const [seeds = '3'] = process.argv.slice(2).filter((one) => !one.startsWith('--'));
if (!process.argv.includes('--no-build')) {
  const built = spawnSync(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-b',
    join(root, 'libs/sim'),
  ]);
  if (built.status !== 0) throw new Error('the build fails');
}
const sim = await import('../dist/index.js');

const clean = sim.scenarioNamed('clean');
const voice = { kind: 'udp', bytes: 120, packetsPerSecond: 50 };
const both = (spec, count) =>
  ['up', 'down'].flatMap((direction) => Array.from({ length: count }, () => ({ ...spec, direction })));
const drive = (seed, load) =>
  sim.recordedDrive({ name: 'drive', operators: sim.syntheticDrive(seed), durationUs: 60e6 }, load);

const CASES = [
  ['TCP download, 20/10/5 Mbit/s', () => sim.scenarioNamed('aggregate-cubic-down')],
  ['TCP download, synthetic drive', (seed) => drive(seed, 'tcp-cubic-down')],
  ['TCP upload, synthetic drive', (seed) => drive(seed, 'tcp-cubic-up')],
  ['vital signs and those sent back', () => ({ ...clean, traffic: both(sim.vitals, 1).map(own) })],
  ['30 flows of 50/s each way, at rest', () => ({ ...clean, traffic: both(voice, 30) })],
  ['the same, synthetic drive', (seed) => ({ ...drive(seed, 'tcp-cubic-up'), traffic: both(voice, 30) })],
  [
    'the same, links of 1 Mbit/s',
    () => ({ ...clean, links: sim.threeLinks({ rateBps: 1e6 }), traffic: both(voice, 30) }),
  ],
];

/** Names of flows differ by kind and direction. */
function own(spec) {
  return { ...sim.vitals, ...spec };
}

for (const [name, scenarioOf] of CASES) {
  for (let seed = 1; seed <= Number(seeds); seed++) report(name, seed, scenarioOf(seed));
}

function report(name, seed, scenario) {
  const world = new sim.SimWorld(scenario, { seed, handshake });
  world.runUntil(scenario.durationUs);
  const { links } = world.result();
  const nowUs = world.clock.nowUs;
  const lines = ['up', 'down'].map((way) => {
    const { engine } = way === 'up' ? world.vehicles[0].host : world.gateway;
    const { packetsSent, datagramsSaved } = engine.status(nowUs)[0].counters;
    const sum = (field) => links.reduce((total, link) => total + link[way][field], 0);
    const datagrams = sum('offeredPackets');
    const bytes = sum('offeredBytes') + IP_AND_UDP * datagrams;
    const change = (now, saved) =>
      `${now} instead of ${now + saved} (-${((100 * saved) / (now + saved)).toFixed(1)} %)`;
    return `  ${way.padEnd(5)} ${packetsSent} packets: datagrams ${change(datagrams, datagramsSaved)}, bytes ${change(bytes, datagramsSaved * SAVED_BYTES)}`;
  });
  console.log(`${name}, seed ${seed}\n${lines.join('\n')}`);
}
