/** `check`: one short walk through everything that the lab and the tunnel do, with a verdict; the end-to-end test runs it. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { vitals, vitalsDown } from '@corridor/sim';
import { Lab } from '../lab.js';
import { runCommand } from '../sandbox/netns.js';
import { Pinger } from '../traffic/pinger.js';
import { parseArgs } from './options.js';

export interface CheckReport {
  readonly readyMs: number;
  /** Echo requests through the tunnel, IPv4 and IPv6. */
  readonly pings: readonly { readonly target: string; readonly ok: boolean; readonly rttUs: number }[];
  readonly streams: readonly { readonly name: string; readonly bytes: number; readonly equal: boolean }[];
  /** The active link of the vehicle before the cut and at its end. */
  readonly activeBefore: string;
  readonly activeDuring: string;
  readonly flows: readonly {
    readonly name: string;
    readonly sent: number;
    readonly lost: number;
    readonly longestGapUs: number;
  }[];
  /** Namespaces and interfaces that are still there after the lab has closed. */
  readonly leftBehind: readonly string[];
}

const STREAM_BYTES = 2_000_000;
const CUT_MS = 1500;

export async function check(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['json']);
  const started = Date.now();
  const lab = await Lab.create();
  let report: Omit<CheckReport, 'leftBehind'>;
  try {
    await lab.ready();
    const readyMs = Date.now() - started;
    console.log(`tunnel up over ${lab.linkNames(0).join(', ')} after ${readyMs} ms`);
    report = { readyMs, pings: await pingBoth(lab), ...(await cutUnderVitals(lab)), streams: await cutUnderFiles(lab) };
  } finally {
    await lab.close();
  }
  const leftBehind = await remains();
  console.log(leftBehind.length === 0 ? 'nothing left behind' : `left behind: ${leftBehind.join(', ')}`);
  const file = parsed.options.get('json');
  if (file !== undefined)
    writeFileSync(file, `${JSON.stringify({ ...report, leftBehind } satisfies CheckReport, null, 2)}\n`);
  return isGood({ ...report, leftBehind }) ? 0 : 1;
}

async function pingBoth(lab: Lab): Promise<CheckReport['pings']> {
  const pinger = await Pinger.create(lab.hosts, 0);
  const pings = [];
  for (const target of [lab.hospitalAddress.v4, lab.hospitalAddress.v6]) {
    const { ok, rttUs } = await pinger.ping(target, 100);
    console.log(`ping ${target}: ${ok ? `${(rttUs / 1000).toFixed(1)} ms` : 'no answer'}`);
    pings.push({ target, ok, rttUs });
  }
  pinger.close();
  return pings;
}

/** Vital signs both ways while the active link is cut. */
async function cutUnderVitals(lab: Lab): Promise<Pick<CheckReport, 'activeBefore' | 'activeDuring' | 'flows'>> {
  const ids = [await lab.startFlow(0, vitals), await lab.startFlow(0, vitalsDown)];
  await delay(500);
  const activeBefore = await activeLink(lab);
  lab.cut(0, activeBefore);
  await delay(CUT_MS);
  const activeDuring = await activeLink(lab);
  lab.restore(0, activeBefore);
  for (const id of ids) await lab.stopFlow(id);
  await lab.ready();
  console.log(`cut ${activeBefore}: traffic moved to ${activeDuring}`);
  const flows = (await lab.flows()).map(({ name, sent, received, longestGapUs }) => {
    console.log(`${name}: ${sent} sent, ${sent - received} lost, longest gap ${(longestGapUs / 1000).toFixed(1)} ms`);
    return { name, sent, lost: sent - received, longestGapUs };
  });
  return { activeBefore, activeDuring, flows };
}

/** Files both ways while the active link is cut. They fill its queue, so that no other flow is judged beside them. */
async function cutUnderFiles(lab: Lab): Promise<CheckReport['streams']> {
  const files: { id: number; name: string }[] = [];
  for (const direction of ['up', 'down'] as const) {
    for (const family of [4, 6] as const) {
      const plan = { kind: 'tcp', direction, family, vehicle: 0, bytes: 0, totalBytes: STREAM_BYTES } as const;
      files.push({ id: await lab.startFlowWith(plan), name: `tcp ${direction}, IPv${family} inside` });
    }
  }
  await delay(CUT_MS / 5);
  const active = await activeLink(lab);
  lab.cut(0, active);
  await delay(CUT_MS);
  lab.restore(0, active);
  return Promise.all(
    files.map(async ({ id, name }) => {
      const { sent, received } = await lab.traffic.tcp.ended(id);
      const equal = sent.bytes === STREAM_BYTES && sent.sha256 === received.sha256;
      console.log(`${name}: ${received.bytes} bytes, ${equal ? 'equal' : 'DIFFERENT'}`);
      return { name, bytes: received.bytes, equal };
    }),
  );
}

async function activeLink(lab: Lab): Promise<string> {
  return (await lab.status(0))?.classes[0]?.paths[0] ?? 'none';
}

async function remains(): Promise<string[]> {
  const namespaces = (await runCommand('ip', ['netns', 'list'])).stdout.split('\n').filter((line) => line !== '');
  const links = (await runCommand('ip', ['-o', 'link'])).stdout
    .split('\n')
    .filter((line) => line !== '' && !line.includes(' lo:'));
  // Without its devices an emulator would still hold the character device open.
  return existsSync('/run/netns/gateway') ? [...namespaces, ...links, 'gateway'] : [...namespaces, ...links];
}

function isGood(report: CheckReport): boolean {
  return (
    report.pings.every(({ ok }) => ok) &&
    report.streams.every(({ equal }) => equal) &&
    report.flows.every(({ sent, lost }) => sent > 0 && lost === 0) &&
    report.activeBefore !== report.activeDuring &&
    report.leftBehind.length === 0
  );
}
