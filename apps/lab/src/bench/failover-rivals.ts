/** The blackout of the failover bench, felt by MPTCP: vital signs and video as messages on two streams. */
import { setTimeout as pause } from 'node:timers/promises';
import { threeLinks, trafficIntervalUs, video, vitals } from '@corridor/sim';
import { Ground } from './ground/ground.js';
import { policyOf } from './policy.js';

/** Longest gap of each run, milliseconds. */
export interface RivalRuns {
  readonly vitalsGapsMs: readonly number[];
  readonly videoGapsMs: readonly number[];
}

const SECONDS = 15;
const CUT_MS = 3_000;
const CUT_FOR_MS = 10_000;
/** What a TCP segment carries beside a message: IP, TCP and its timestamps. */
const TCP_HEADERS = 52;

export async function rivalFailover(runs: number, atOnce: number): Promise<RivalRuns> {
  const gaps = { vitalsGapsMs: [] as number[], videoGapsMs: [] as number[] };
  for (let run = 0; run < runs; run += atOnce) {
    const vehicles = Math.min(atOnce, runs - run);
    process.stderr.write(`MPTCP: run ${run + 1} to ${run + vehicles} of ${runs}\n`);
    const links = threeLinks();
    const ground = await Ground.create({ links, vehicles, seed: run + 1, policy: policyOf(), tunnel: false });
    try {
      await runOnce(ground, vehicles, gaps);
    } finally {
      await ground.close();
    }
  }
  return gaps;
}

async function runOnce(ground: Ground, vehicles: number, gaps: { vitalsGapsMs: number[]; videoGapsMs: number[] }) {
  const streams = Array.from({ length: vehicles }, (_, vehicle) =>
    Promise.all(
      [vitals, video].map(async (spec) => {
        const paced = { bytes: spec.bytes - TCP_HEADERS, intervalUs: trafficIntervalUs(spec) };
        const order = { direction: 'up', seconds: SECONDS, congestion: 'cubic', paced } as const;
        const { messages } = await ground.stream(vehicle, 'mptcp', order);
        return (messages?.longestGapUs ?? Number.POSITIVE_INFINITY) / 1e3;
      }),
    ),
  );
  await pause(CUT_MS);
  for (let vehicle = 0; vehicle < vehicles; vehicle++) ground.lab.cut(vehicle, 'w0');
  await pause(CUT_FOR_MS);
  for (let vehicle = 0; vehicle < vehicles; vehicle++) ground.lab.restore(vehicle, 'w0');
  for (const [vitalsGap, videoGap] of await Promise.all(streams)) {
    gaps.vitalsGapsMs.push(vitalsGap as number);
    gaps.videoGapsMs.push(videoGap as number);
  }
}
