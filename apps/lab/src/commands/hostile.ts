/**
 * `hostile`: floods a gateway at work with everything that is not a proper datagram, and shows what it costs: counters,
 * processor time, memory, answers to forged sources, and what a vehicle's vital signs feel of it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { vitals, vitalsDown } from '@corridor/sim';
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305, VehicleHandshake } from '@corridor/tunnel';
import { type HostStatus, nodeHandshakePrimitives, nodeRandom } from '@corridor/tunnel-host';
import { GATEWAY_OUTSIDE, TUNNEL_PORT } from '../addresses.js';
import type { FlowFigures } from '../face.js';
import { ATTACKS, type Attack } from '../hostile/forge.js';
import type { FloodResult, HostileMethods } from '../hostile/thread.js';
import { Lab } from '../lab.js';
import { Remote } from '../thread/rpc.js';
import { parseArgs, wholeNumber } from './options.js';
import { ms, table } from './table.js';

const SAMPLES = 500;
const INITIATIONS = 200;
const DEVICE = 'internet';
/** The last packets of a phase arrive. */
const SETTLE_MS = 400;

interface Phase {
  readonly attack: Attack | 'none';
  readonly flood: FloodResult;
  readonly before: HostStatus;
  readonly after: HostStatus;
  readonly flows: readonly FlowFigures[];
}

export async function hostile(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['seconds', 'rate', 'seed']);
  const seconds = wholeNumber(parsed, 'seconds', 5, 1, 3600);
  const perSecond = wholeNumber(parsed, 'rate', 20_000, 100, 200_000);
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);
  const lab = await Lab.create({ seed });
  const attacker = Remote.thread<HostileMethods>(
    new URL('../hostile/thread.js', import.meta.url),
    'attacker',
    (error) => {
      throw error;
    },
  );
  let died: Error | undefined;
  lab.on('failure', (error) => {
    died = error;
  });
  try {
    await lab.ready();
    await prepare(lab, attacker, seed);
    const session = (await lab.status(0))?.establishedAtUs;
    const phases: Phase[] = [];
    for (const attack of ['none', ...ATTACKS] as const) {
      console.log(
        attack === 'none' ? `${seconds} s of peace` : `${seconds} s of ${attack}, ${perSecond} datagrams a second`,
      );
      phases.push(await phase(lab, attacker, attack, seconds, perSecond));
    }
    const same = (await lab.status(0))?.establishedAtUs === session;
    print(phases);
    const lost = phases.flatMap(({ flows }) => flows).reduce((sum, { sent, received }) => sum + sent - received, 0);
    console.log(`\nvital signs lost in all: ${lost}; the session ${same ? 'is still the same' : 'was NOT kept'}`);
    if (died !== undefined) console.log(`DIED: ${died.message}`);
    return lost === 0 && same && died === undefined ? 0 : 1;
  } finally {
    await attacker.close();
    await lab.close();
  }
}

/** Gives the attacker its place in the world, real datagrams to spoil, and well-made handshakes of nobody. */
async function prepare(lab: Lab, attacker: Remote<HostileMethods>, seed: number): Promise<void> {
  const { gateway } = lab.hosts;
  await attacker.call('open', gateway.path, DEVICE);
  await gateway.ip([`link set ${DEVICE} addrgenmode none`, `link set ${DEVICE} up`, `route add default dev ${DEVICE}`]);
  const [link] = lab.linkNames(0);
  await lab.capture(0, link, 'up', SAMPLES);
  const flow = await lab.startFlow(0, { ...vitals, packetsPerSecond: 500 });
  await delay(1500);
  await lab.stopFlow(flow);
  await delay(SETTLE_MS);
  await lab.traffic.remove(flow);
  const samples = await lab.captured(0, link, 'up');
  const initiations = strangersHandshakes(Buffer.from(lab.gatewayPublicKey, 'base64'));
  const target = { address: GATEWAY_OUTSIDE.v4, port: TUNNEL_PORT };
  await attacker.call('arm', { samples, initiations, target }, seed);
}

function strangersHandshakes(gatewayKey: Uint8Array): Uint8Array[] {
  const ciphers = [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305] as const;
  return Array.from({ length: INITIATIONS }, () => {
    const stranger = new VehicleHandshake(nodeHandshakePrimitives, nodeRandom, randomBytes(32), gatewayKey);
    stranger.begin(1 + (randomBytes(4).readUInt32LE() % 0xfffffffe), ciphers, randomBytes(8));
    return stranger.datagram(0, 0);
  });
}

async function phase(
  lab: Lab,
  attacker: Remote<HostileMethods>,
  attack: Attack | 'none',
  seconds: number,
  perSecond: number,
): Promise<Phase> {
  const ids = [await lab.startFlow(0, vitals), await lab.startFlow(0, vitalsDown)];
  const before = await gatewayStatus(lab);
  let flood: FloodResult = { datagrams: 0, bytes: 0, replies: 0, replyBytes: 0 };
  if (attack === 'none') await delay(seconds * 1000);
  else flood = await attacker.call('flood', { attack, seconds, perSecond });
  const after = await gatewayStatus(lab);
  for (const id of ids) await lab.stopFlow(id);
  await delay(SETTLE_MS);
  const flows = (await lab.flows()).filter(({ id }) => ids.includes(id));
  for (const id of ids) await lab.traffic.remove(id);
  return { attack, flood, before, after, flows };
}

async function gatewayStatus(lab: Lab): Promise<HostStatus> {
  const status = await lab.hostStatus('gateway');
  if (status === undefined) throw new Error('the gateway does not answer any more');
  return status;
}

function print(phases: readonly Phase[]): void {
  const peace = phases[0];
  const cpuOf = ({ before, after }: Phase) =>
    after.process.cpuUserUs + after.process.cpuSystemUs - before.process.cpuUserUs - before.process.cpuSystemUs;
  const rows = phases.map((one) => {
    const { attack, flood, before, after, flows } = one;
    const lost = flows.reduce((sum, { sent, received }) => sum + sent - received, 0);
    const gap = Math.max(...flows.map(({ longestGapUs }) => longestGapUs));
    const delayUs = Math.max(...flows.map(({ delay }) => delay.p99Us));
    const cpu = flood.datagrams === 0 ? '-' : ((cpuOf(one) - cpuOf(peace)) / flood.datagrams).toFixed(1);
    const memory = ((after.process.rssBytes - before.process.rssBytes) / 1e6).toFixed(1);
    const answered = flood.bytes === 0 ? '-' : ((flood.replyBytes / flood.bytes) * 100).toFixed(1);
    return [attack, `${flood.datagrams}`, cpu, memory, `${flood.replies}`, answered, `${lost}`, ms(gap), ms(delayUs)];
  });
  const head = ['attack', 'datagrams', 'cpu us each', 'memory MB', 'answers', 'answer bytes %'];
  console.log(`\n${table([...head, 'vitals lost', 'longest gap ms', 'delay p99 ms'], rows)}`);
  console.log('\nwhat the gateway counted:');
  for (const one of phases) console.log(`  ${one.attack}: ${counted(one)}`);
}

/** Counters that name a refusal and moved in a phase. */
function counted({ before, after }: Phase): string {
  const flat = (status: HostStatus): Record<string, number> => ({
    ...status.counters,
    ...Object.fromEntries(status.peers.flatMap((peer) => Object.entries(peer.counters))),
    // Why datagrams were turned away that belong to no vehicle.
    ...status.refusals,
  });
  const earlier = flat(before);
  const refusals = Object.entries(flat(after)).filter(([name, value]) => {
    const isTraffic = /^(packets|bytes)|Bytes$|[bB]atches$|Packets$|Datagrams$|Calls$|[tT]icks$|sent$|written$/i.test(
      name,
    );
    return value !== (earlier[name] ?? 0) && (!isTraffic || /drop|replay/i.test(name));
  });
  return refusals.map(([name, value]) => `${name} ${value - (earlier[name] ?? 0)}`).join(', ') || 'nothing unusual';
}
