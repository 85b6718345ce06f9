/** Draws the longest gaps of the failover bench, one picture a flow, one curve a scenario. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FlowSummary } from './failover.js';
import type { RivalRuns } from './failover-rivals.js';
import { cdfSvg, type Series } from './plot.js';

const FOLDER = fileURLToPath(new URL('../../../../docs/plots/', import.meta.url));

interface Picture {
  readonly flow: string;
  readonly file: string;
  readonly title: string;
  readonly limit: { readonly name: string; readonly value: number };
  rival(rivals: RivalRuns): readonly number[];
}

const PICTURES: readonly Picture[] = [
  {
    flow: 'vitals up',
    file: 'failover-vitals.svg',
    title: 'Longest gap of vital signs (50 packets/s) when links die',
    limit: { name: '35 ms', value: 35 },
    rival: ({ vitalsGapsMs }) => vitalsGapsMs,
  },
  {
    flow: 'video up',
    file: 'failover-video.svg',
    title: 'Longest gap of video (5 Mbit/s) when links die',
    limit: { name: '80 ms', value: 80 },
    rival: ({ videoGapsMs }) => videoGapsMs,
  },
];

/** Scenarios in which a link goes silent both ways: their gaps can stand side by side. */
const DRAWN = ['failover-default', 'two-of-three', 'blackout-active-standby', 'blackout-redundant'];

/** Answers the files that were written, as paths from the project's folder. */
export function drawGaps(summaries: readonly FlowSummary[], rivals: RivalRuns | undefined): string[] {
  mkdirSync(FOLDER, { recursive: true });
  return PICTURES.flatMap(({ flow, file, title, limit, rival }) => {
    const series: Series[] = summaries
      .filter((summary) => summary.flow === flow && DRAWN.includes(summary.scenario))
      .map(({ scenario, gapsMs }) => ({ name: scenario, values: gapsMs }));
    if (series.length === 0) return [];
    if (rivals !== undefined) series.push({ name: 'MPTCP, one link silent', values: rival(rivals) });
    const xLabel = 'longest time between two arrivals in a run, ms; share of the runs';
    writeFileSync(join(FOLDER, file), cdfSvg({ title, xLabel, series, limits: [limit] }));
    return [`docs/plots/${file}`];
  });
}
