/**
 * `bytes`: what goes into the tunnel comes out of it. For IPv4 and IPv6 outside: files over TCP both ways over IPv4 and
 * IPv6 inside while links are cut and restored at random; then pings of every size, datagrams of every size, fragments,
 * and the everyday tools where they are installed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type LinkSpec, Random } from '@corridor/sim';
import { Lab } from '../lab.js';
import { hasCommand } from '../sandbox/netns.js';
import { Pinger } from '../traffic/pinger.js';
import { parseArgs, UsageError, wholeNumber } from './options.js';
import { mbps } from './table.js';

const ECHO_PORT = 5007;
const HTTP_PORT = 5080;
const IPERF_PORT = 5201;
const HTTP_BYTES = 3_000_000;
/** Larger than any MTU: these travel as fragments. */
const FRAGMENTED_SIZES = [2_000, 2_999, 4_096, 8_000, 16_000, 30_000, 60_000];
/** What the vehicle's side of the path takes (client's Ethernet): larger than the tunnel's MTU. */
const ETHERNET_BYTES = 1500;
/** Under way together, so that sizes by the thousand take seconds. */
const PINGS_AT_ONCE = 16;
const STALLED_MS = 120_000;

/** Counts what failed, so that the command can end with it. */
class Verdict {
  failures = 0;

  say(ok: boolean, text: string): void {
    if (!ok) this.failures++;
    console.log(`  ${ok ? 'ok    ' : 'FAILED'} ${text}`);
  }
}

export async function bytes(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['megabytes', 'seed', 'family']);
  const megabytes = wholeNumber(parsed, 'megabytes', 20, 1, 10_000);
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);
  const family = parsed.options.get('family');
  if (family !== undefined && family !== '4' && family !== '6') throw new UsageError('--family: 4 or 6 was expected');
  const families = ([4, 6] as const).filter((one) => family === undefined || `${one}` === family);
  const verdict = new Verdict();
  for (const outside of families) await outsideFamily(outside, megabytes * 1e6, seed, verdict);
  console.log(verdict.failures === 0 ? '\nevery byte is as it was sent' : `\n${verdict.failures} checks FAILED`);
  return verdict.failures === 0 ? 0 : 1;
}

function fastLinks(): LinkSpec[] {
  return [15_000, 25_000, 40_000].map((delayUs, index) => {
    const way = { rateBps: 60e6, delayUs, jitterUs: 2_000 };
    return { name: `w${index}`, priority: index + 1, up: way, down: way, ...(index === 1 ? { nat: {} } : {}) };
  });
}

async function outsideFamily(outside: 4 | 6, fileBytes: number, seed: number, verdict: Verdict): Promise<void> {
  console.log(`IPv${outside} outside, three links of 60 Mbit/s`);
  const lab = await Lab.create({ links: fastLinks(), outsideFamily: outside, seed });
  try {
    await lab.ready();
    await filesUnderChaos(lab, fileBytes, new Random(seed + outside), verdict);
    await lab.ready();
    await everySize(lab, verdict);
    for (const inside of [4, 6] as const) await everyDatagram(lab, inside, verdict);
    for (const inside of [4, 6] as const) await everydayTools(lab, inside, verdict);
  } finally {
    await lab.close();
  }
}

/** Cuts and restores links at random until told to stop; at least one link always works both ways. */
class Chaos {
  cuts = 0;
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly lab: Lab,
    private readonly random: Random,
  ) {
    this.done = this.run();
  }

  /** Ends it with every link restored. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
    for (const link of this.lab.linkNames(0)) this.lab.restore(0, link);
  }

  private async run(): Promise<void> {
    const links = this.lab.linkNames(0);
    const directions = ['up', 'down', 'both', 'both'] as const;
    while (!this.stopped) {
      const spared = this.random.below(links.length);
      for (const [index, link] of links.entries()) {
        const direction = directions[this.random.below(directions.length)];
        this.lab.restore(0, link);
        if (index === spared || this.random.next() < 0.4) continue;
        this.lab.cut(0, link, direction);
        this.cuts++;
      }
      await delay(700 + this.random.below(1500));
    }
  }
}

async function filesUnderChaos(lab: Lab, totalBytes: number, random: Random, verdict: Verdict): Promise<void> {
  const chaos = new Chaos(lab, random);
  const started = Date.now();
  const streams: { id: number; text: string }[] = [];
  for (const family of [4, 6] as const) {
    for (const direction of ['up', 'down'] as const) {
      const id = await lab.startFlowWith({ kind: 'tcp', direction, family, vehicle: 0, bytes: 0, totalBytes });
      streams.push({ id, text: `${totalBytes / 1e6} MB ${direction} over TCP, IPv${family} inside` });
    }
  }
  const records = await Promise.all(
    streams.map(({ id }) => Promise.race([lab.traffic.tcp.ended(id), delay(STALLED_MS, undefined, { ref: false })])),
  );
  await chaos.stop();
  for (const [index, { text }] of streams.entries()) {
    const record = records[index];
    const equal =
      record !== undefined && record.sent.bytes === totalBytes && record.sent.sha256 === record.received.sha256;
    verdict.say(equal, `${text}: sha256 ${record?.received.sha256.slice(0, 16) ?? '(stalled)'}`);
  }
  const seconds = (Date.now() - started) / 1000;
  const rate = mbps((totalBytes * 8 * streams.length) / seconds);
  console.log(`         ${chaos.cuts} cuts in ${seconds.toFixed(1)} s, ${rate} Mbit/s together`);
}

/** Echo requests of every size up to the MTU, with "do not fragment", and one that is too big. */
async function everySize(lab: Lab, verdict: Verdict): Promise<void> {
  const mtu = (await lab.hostStatus(0))?.tun.mtu ?? 0;
  const pinger = await Pinger.create(lab.hosts, 0);
  try {
    for (const target of [lab.hospitalAddress.v4, lab.hospitalAddress.v6]) {
      const least = target.includes(':') ? 48 : 28;
      const failed: number[] = [];
      let next = least;
      const lane = async () => {
        for (let size = next++; size <= mtu; size = next++)
          if (!(await pingsWell(pinger, target, size))) failed.push(size);
      };
      await Promise.all(Array.from({ length: PINGS_AT_ONCE }, lane));
      verdict.say(
        mtu > 0 && failed.length === 0,
        `ping ${target}, every size from ${least} to the MTU of ${mtu}${list(failed)}`,
      );
      const { tooBigFor } = await pinger.ping(target, ETHERNET_BYTES);
      verdict.say(
        tooBigFor === mtu,
        `ping ${target}, ${ETHERNET_BYTES} bytes: "too big", ${tooBigFor ?? 'nothing'} would fit`,
      );
    }
  } finally {
    pinger.close();
  }
}

async function pingsWell(pinger: Pinger, target: string, size: number): Promise<boolean> {
  // The machine may be busy; a packet that the tunnel changes or drops fails every time.
  for (let attempt = 0; attempt < 3; attempt++) if ((await pinger.ping(target, size)).ok) return true;
  return false;
}

async function everyDatagram(lab: Lab, inside: 4 | 6, verdict: Verdict): Promise<void> {
  const client = await lab.traffic.tcp.peer(lab.host('client'));
  const hospital = await lab.traffic.tcp.peer(lab.host('hospital'));
  if (inside === 4) await hospital.call('echoServer', ECHO_PORT);
  const address = inside === 4 ? lab.hospitalAddress.v4 : lab.hospitalAddress.v6;
  const mtu = (await lab.hostStatus(0))?.tun.mtu ?? ETHERNET_BYTES;
  const most = mtu - (inside === 4 ? 28 : 48);
  const whole = Array.from({ length: most + 1 }, (_, size) => size);
  for (const [what, sizes] of [
    [`datagrams of every size from 0 to ${most} bytes`, whole],
    [`datagrams of ${FRAGMENTED_SIZES[0]} to ${FRAGMENTED_SIZES.at(-1)} bytes, in fragments`, FRAGMENTED_SIZES],
  ] as const) {
    const result = await client.call('echo', { family: inside, address, port: ECHO_PORT, sizes });
    verdict.say(
      result.returned === sizes.length,
      `${what}, IPv${inside} inside${list([...result.changed, ...result.missing])}`,
    );
  }
}

async function everydayTools(lab: Lab, inside: 4 | 6, verdict: Verdict): Promise<void> {
  const address = inside === 4 ? lab.hospitalAddress.v4 : lab.hospitalAddress.v6;
  const client = lab.host('client');
  if (await hasCommand('ping')) {
    const done = await client.run('ping', ['-c', '20', '-i', '0.05', '-W', '2', address]);
    verdict.say(/ 0% packet loss/.test(done.stdout), `ping: ${done.stdout.trim().split('\n').at(-1) ?? done.stderr}`);
  } else {
    console.log('  --     ping is not installed (every size went through above)');
  }
  if (await hasCommand('iperf3')) await iperf(lab, inside, address, verdict);
  else console.log('  --     iperf3 is not installed');
  if (await hasCommand('curl')) await curl(lab, inside, address, verdict);
  else console.log('  --     curl is not installed');
}

async function iperf(lab: Lab, inside: 4 | 6, address: string, verdict: Verdict): Promise<void> {
  for (const reverse of [false, true]) {
    const server = lab.spawnIn('hospital', 0, ['iperf3', '-s', '-1', '-p', `${IPERF_PORT}`], { stdio: 'ignore' });
    const args = [
      '-c',
      address,
      '-p',
      `${IPERF_PORT}`,
      '-t',
      '2',
      '--connect-timeout',
      '3000',
      '-J',
      ...(reverse ? ['-R'] : []),
    ];
    let done = await lab.host('client').run('iperf3', args);
    // The server may not listen yet: its client does not wait for it.
    for (let attempt = 0; attempt < 20 && done.code !== 0; attempt++) {
      await delay(100);
      done = await lab.host('client').run('iperf3', args);
    }
    server.kill('SIGKILL');
    const rate = done.code === 0 ? (JSON.parse(done.stdout).end.sum_received.bits_per_second as number) : 0;
    verdict.say(rate > 0, `iperf3 ${reverse ? 'down' : 'up'}, IPv${inside} inside: ${mbps(rate)} Mbit/s`);
  }
}

async function curl(lab: Lab, inside: 4 | 6, address: string, verdict: Verdict): Promise<void> {
  const hospital = await lab.traffic.tcp.peer(lab.host('hospital'));
  const port = HTTP_PORT + inside;
  const expected = await hospital.call('serveFile', port, HTTP_BYTES);
  const host = inside === 4 ? address : `[${address}]`;
  const done = await lab.host('client').run('sh', ['-c', `curl -gsS http://${host}:${port}/ | sha256sum`]);
  verdict.say(done.stdout.startsWith(expected), `curl, ${HTTP_BYTES / 1e6} MB over HTTP, IPv${inside} inside`);
}

function list(sizes: readonly number[]): string {
  return sizes.length === 0 ? '' : `: not ${sizes.slice(0, 20).join(', ')}${sizes.length > 20 ? ', …' : ''}`;
}
