/** Links with a second of buffer and TCP that fills it: what vital signs feel beside it, idle and control included. */
import type { LinkSpec, Scenario, TrafficSpec } from '../scenario.js';
import { tcp } from './aggregate.js';
import { defaultPolicy, link, vitals, vitalsDown } from './parts.js';

const DURATION_US = 28_000_000;
const STOP_US = 27_000_000;
/** The connections start when the vital signs have shown what they need alone. */
const TCP_START_US = 4_000_000;
const RATES_BPS = [20e6, 10e6];
const DELAYS_US = [20_000, 30_000];

/** A second of buffer each. */
export function bloatedLinks(): LinkSpec[] {
  return RATES_BPS.map((rateBps, index) =>
    link(`w${index}`, { rateBps, delayUs: DELAYS_US[index], queueBytes: rateBps / 8 }, { priority: index + 1 }),
  );
}

function scenario(name: string, what: string, traffic: readonly TrafficSpec[]): Scenario {
  return {
    name: `bufferbloat-${name}`,
    description: `Links of 20 and 10 Mbit/s with a second of buffer: ${what}.`,
    durationUs: DURATION_US,
    vehicles: 1,
    links: bloatedLinks(),
    traffic,
    policy: defaultPolicy(),
    steps: [],
  };
}

const up: TrafficSpec = { ...tcp('up'), startUs: TCP_START_US, stopUs: STOP_US };
const down: TrafficSpec = { ...tcp('down'), startUs: TCP_START_US, stopUs: STOP_US };
/** Vital signs from where the queues stand on, so that the percentiles are of the loaded time. */
const loadedVitals = [vitals, vitalsDown].map((spec) => ({ ...spec, startUs: TCP_START_US, stopUs: STOP_US }));

export const bufferbloatScenarios: readonly Scenario[] = [
  scenario('idle', 'vital signs alone', loadedVitals),
  scenario('up', 'vital signs beside a saturating upload', [...loadedVitals, up]),
  scenario('down', 'vital signs beside a saturating download', [...loadedVitals, down]),
  scenario('both', 'vital signs beside upload and download at once', [...loadedVitals, up, down]),
  scenario('up-alone', 'the upload without vital signs', [up]),
  scenario('down-alone', 'the download without vital signs', [down]),
  scenario('both-alone', 'upload and download without vital signs', [up, down]),
];
