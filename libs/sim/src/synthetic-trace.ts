/**
 * Traces of cellular links from a seed, for tests without files, by the model of K. Winstein, A. Sivaraman and
 * H. Balakrishnan, "Stochastic Forecasts Achieve High Throughput and Low Delay over Cellular Networks" (NSDI 2013,
 * section 3.1): opportunities are a Poisson process whose rate is a Brownian motion, and outages are sticky.
 */
import { Random } from './random.js';
import type { OperatorTrace } from './recorded-drive.js';

export interface DriveTraceOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Long-run rate, bits per second. */
  readonly meanBps: number;
  /** Wandering of the rate in a second, share of the mean. Default 0.35. */
  readonly wander?: number;
  /** Outages in a minute. Default 3. */
  readonly outages?: number;
  /** Mean length of an outage, milliseconds. Default 700. */
  readonly outageMs?: number;
}

const OPPORTUNITY_BITS = 1500 * 8;
const STEP_MS = 20;
/** The rate returns to its mean with this time constant, so that long traces keep it. */
const RETURN_MS = 20_000;
const MOST = 2.5;

/** Opportunities, milliseconds, ascending. @throws RangeError for a rate or length that makes no trace. */
export function syntheticTrace(options: DriveTraceOptions): number[] {
  const { durationMs, meanBps, wander = 0.35, outages = 3, outageMs = 700 } = options;
  if (!(durationMs > 0)) throw new RangeError('durationMs: a number above 0 was expected');
  if (!(meanBps > 0)) throw new RangeError('meanBps: a number above 0 was expected');
  const random = new Random(options.seed);
  const perStep = (meanBps / OPPORTUNITY_BITS / 1_000) * STEP_MS;
  const trace: number[] = [];
  let level = 1;
  let outageEndsMs = -1;
  for (let atMs = 0; atMs < durationMs; atMs += STEP_MS) {
    level += gaussian(random) * wander * Math.sqrt(STEP_MS / 1_000) + ((1 - level) * STEP_MS) / RETURN_MS;
    level = Math.min(MOST, Math.max(0.02, level));
    if (atMs >= outageEndsMs && random.next() < (outages * STEP_MS) / 60_000) {
      outageEndsMs = atMs - outageMs * Math.log(1 - random.next());
    }
    if (atMs < outageEndsMs) continue;
    const count = poisson(random, perStep * level);
    const times = Array.from({ length: count }, () => atMs + random.below(STEP_MS));
    for (const ms of times.sort((a, b) => a - b)) trace.push(ms);
  }
  trace.push(durationMs);
  return trace;
}

/** Three operators that fade and fail independently, both ways, in the rates of the recorded LTE drives. */
export function syntheticDrive(seed: number, durationMs = 130_000): OperatorTrace[] {
  const rates = [
    { name: 'north', up: 6e6, down: 5e6 },
    { name: 'river', up: 13e6, down: 16e6 },
    { name: 'metro', up: 2e6, down: 5e6 },
  ];
  const random = new Random(seed);
  const trace = (meanBps: number) => syntheticTrace({ seed: random.nextInt32(), durationMs, meanBps });
  return rates.map(({ name, up, down }) => ({ name, up: trace(up), down: trace(down) }));
}

/** Sum of twelve uniform numbers: near enough to normal here. */
function gaussian(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.next();
  return sum;
}

/** Knuth's; the means are a few dozen at most. */
function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.next(); product > limit; product *= random.next()) count++;
  return count;
}
