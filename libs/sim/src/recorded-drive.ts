/**
 * Scenarios over recorded drives: delivery opportunities of several operators at once, as a vehicle with a modem of each
 * had them. The traces are an argument (`parseMahimahi` reads them), so that whoever has the files passes them in.
 */
import type { BoundLink } from './bound.js';
import type { LinkSpec, Scenario, TrafficSpec } from './scenario.js';
import { defaultPolicy, tcp, vitals, vitalsDown } from './scenarios/index.js';

/** Opportunities of one operator, milliseconds, as in `DirectionSpec.traceMs`. */
export interface OperatorTrace {
  readonly name: string;
  readonly up: readonly number[];
  readonly down: readonly number[];
}

export interface RecordedDrive {
  /** Lower case letters, digits and dashes. */
  readonly name: string;
  readonly operators: readonly OperatorTrace[];
  /** Propagation beside the wait for an opportunity, one way. Default 20 ms. */
  readonly delayUs?: number;
  /** Where in the traces the drive starts. Default 0. */
  readonly fromMs?: number;
  /** Default 120 s. */
  readonly durationUs?: number;
}

/** `udp`: 2 Mbit/s that stand for video, with vital signs; `tcp`: one connection alone. */
export type DriveLoad = 'udp-up' | 'udp-down' | 'tcp-cubic-up' | 'tcp-cubic-down' | 'tcp-bbr-up' | 'tcp-bbr-down';
export const DRIVE_LOADS: readonly DriveLoad[] = [
  ...(['udp-up', 'udp-down', 'tcp-cubic-up', 'tcp-cubic-down', 'tcp-bbr-up', 'tcp-bbr-down'] as const),
];

const DELAY_US = 20_000;
const DURATION_US = 120_000_000;
const START_US = 2_000_000;
const TAIL_US = 5_000_000;
/** Modems and base stations drop late: three seconds at 2 Mbit/s. */
const QUEUE_BYTES = 750_000;
const VIDEO_BPS = 2e6;
const VIDEO_BYTES = 1_200;

/** @throws RangeError without operators, or for a trace that ends before the drive starts. */
export function recordedDrive(drive: RecordedDrive, load: DriveLoad): Scenario {
  const { name, operators, durationUs = DURATION_US } = drive;
  if (operators.length === 0) throw new RangeError('operators: at least one was expected');
  return {
    name: `${name}-${load}`,
    description: `A recorded drive with ${operators.map((operator) => operator.name).join(', ')} at once: ${load}.`,
    durationUs: START_US + durationUs + TAIL_US,
    vehicles: 1,
    links: driveLinks(drive),
    traffic: trafficOf(load).map((spec) => ({ ...spec, startUs: START_US, stopUs: START_US + durationUs })),
    policy: defaultPolicy(),
    steps: [],
  };
}

function driveLinks({
  operators,
  delayUs = DELAY_US,
  fromMs = 0,
  durationUs = DURATION_US,
}: RecordedDrive): LinkSpec[] {
  const untilMs = fromMs + (START_US + durationUs + TAIL_US) / 1_000;
  const way = (trace: readonly number[]) => ({
    traceMs: traceWindow(trace, fromMs, untilMs),
    delayUs,
    queueBytes: QUEUE_BYTES,
  });
  return operators.map(({ up, down }, index) => ({
    name: `w${index}`,
    up: way(up),
    down: way(down),
    priority: index + 1,
  }));
}

function trafficOf(load: DriveLoad): TrafficSpec[] {
  switch (load) {
    case 'udp-up':
    case 'udp-down': {
      const direction = load === 'udp-up' ? 'up' : 'down';
      const video: TrafficSpec = { kind: 'video', direction, rateBps: VIDEO_BPS, bytes: VIDEO_BYTES, dscp: 34 };
      return [direction === 'up' ? vitals : vitalsDown, video];
    }
    default: {
      const [, congestion, direction] = load.split('-') as ['tcp', 'cubic' | 'bbr', 'up' | 'down'];
      return [tcp(direction, congestion)];
    }
  }
}

/** The part of a trace from one time to another, as a trace that starts at 0; the whole repeats from its end. */
export function traceWindow(traceMs: readonly number[], fromMs: number, untilMs: number): number[] {
  const periodMs = traceMs[traceMs.length - 1];
  if (!(periodMs > 0)) throw new RangeError('a trace needs at least one opportunity after 0 ms');
  const taken: number[] = [];
  for (let cycle = Math.floor(fromMs / periodMs); cycle * periodMs <= untilMs; cycle++) {
    for (const ms of traceMs) {
      const atMs = cycle * periodMs + ms - fromMs;
      if (atMs >= 0 && atMs <= untilMs - fromMs) taken.push(atMs);
    }
  }
  // A window that ends in an outage must not repeat early: the run is over before its last opportunity counts.
  taken.push(Math.max(untilMs - fromMs, 1));
  return taken;
}

/** What `deliveryBound` and `offeredBps` want to know of a drive's scenario. */
export function boundLinks(scenario: Scenario, direction: 'up' | 'down'): BoundLink[] {
  return scenario.links.map((link) => {
    const { traceMs, delayUs } = link[direction];
    if (traceMs === undefined) throw new RangeError(`link ${link.name} has no trace ${direction}`);
    return { traceMs, delayUs };
  });
}
