/**
 * What nobody can beat on recorded links: delays of a sender that knows every delivery opportunity of the future and could
 * put a copy of every packet on every link.
 *
 * The model, precisely. A link is a list of opportunities of 1,500 bytes each, as `LinkDirection` serves a trace: a packet
 * takes bytes from the first opportunity at or after its sending, behind what it carries of this flow already; small
 * packets share one opportunity, large ones may need two. Each link serves this flow before everything else, drops
 * nothing, has no other limit, and adds its propagation delay. A packet is delivered when the first of its copies is; as
 * the sender knows which one that will be, the others take nothing from the packets behind them. So packets are served in
 * the order of sending, each by the link on which it arrives first. A sender that really copies everything is never
 * quicker with any packet, as each of its queues holds those of this one and more.
 *
 * `floor` is below even that: every packet as if it were the only one of its flow.
 */
import { percentile } from './flow-recorder.js';

export interface BoundLink {
  /** Opportunities, milliseconds, ascending, repeated from the last one on, as in `DirectionSpec`. */
  readonly traceMs: readonly number[];
  readonly delayUs: number;
}

export interface BoundFlow {
  /** Bytes of each packet as the link counts them. */
  readonly bytes: number;
  readonly intervalUs: number;
  readonly startUs: number;
  readonly stopUs: number;
  /** What has not arrived by then counts as lost. Default: never. */
  readonly untilUs?: number;
}

/** Times in microseconds. */
export interface DeliveryBound {
  readonly sent: number;
  readonly lost: number;
  /** Of every delivered packet, ascending. */
  readonly delaysUs: Float64Array;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly floor: { readonly p50Us: number; readonly p95Us: number; readonly p99Us: number; readonly maxUs: number };
}

/** Bytes of one delivery opportunity. */
export const OPPORTUNITY_BYTES = 1500;

/** @throws RangeError for a flow or links that make no sense. */
export function deliveryBound(traces: { readonly links: readonly BoundLink[] }, flow: BoundFlow): DeliveryBound {
  if (traces.links.length === 0) throw new RangeError('links: at least one was expected');
  if (!(flow.bytes > 0)) throw new RangeError('bytes: a number above 0 was expected');
  if (!(flow.intervalUs > 0)) throw new RangeError('intervalUs: a number above 0 was expected');
  const untilUs = flow.untilUs ?? Number.POSITIVE_INFINITY;
  const shared = traces.links.map((link) => new Opportunities(link));
  const delays: number[] = [];
  const floors: number[] = [];
  let sent = 0;
  for (; flow.startUs + sent * flow.intervalUs < flow.stopUs; sent++) {
    const sentAtUs = flow.startUs + sent * flow.intervalUs;
    const arrivedUs = earliest(shared, sentAtUs, flow.bytes);
    if (arrivedUs <= untilUs) delays.push(arrivedUs - sentAtUs);
    const aloneUs = Math.min(...traces.links.map((link) => new Opportunities(link).arrivalUs(sentAtUs, flow.bytes)));
    if (aloneUs <= untilUs) floors.push(aloneUs - sentAtUs);
  }
  const delaysUs = Float64Array.from(delays).sort();
  return {
    sent,
    lost: sent - delays.length,
    delaysUs,
    ...figures(delaysUs),
    floor: figures(Float64Array.from(floors).sort()),
  };
}

/** What all links together offer between two times, bits per second: no TCP can have more. */
export function offeredBps(links: readonly BoundLink[], fromUs: number, toUs: number): number {
  if (!(toUs > fromUs)) throw new RangeError('toUs: a time after fromUs was expected');
  const opportunities = links.reduce((sum, link) => sum + new Opportunities(link).countBetween(fromUs, toUs), 0);
  return (opportunities * OPPORTUNITY_BYTES * 8e6) / (toUs - fromUs);
}

function figures(sorted: Float64Array) {
  return {
    p50Us: percentile(sorted, 50),
    p95Us: percentile(sorted, 95),
    p99Us: percentile(sorted, 99),
    maxUs: percentile(sorted, 100),
  };
}

/** Sends on the link of the earliest arrival, which only that one remembers. */
function earliest(links: readonly Opportunities[], sentAtUs: number, bytes: number): number {
  let best = links[0];
  let bestUs = Number.POSITIVE_INFINITY;
  for (const link of links) {
    const atUs = link.arrivalUs(sentAtUs, bytes);
    if (atUs < bestUs) {
      best = link;
      bestUs = atUs;
    }
  }
  best.take(sentAtUs, bytes);
  return bestUs;
}

/** Opportunities of one link, numbered from 0 through all repetitions of its trace, and what this flow took of them. */
class Opportunities {
  private readonly traceMs: readonly number[];
  private readonly periodUs: number;
  private readonly delayUs: number;
  /** The opportunity in use and what is left of it. */
  private current = 0;
  private left = OPPORTUNITY_BYTES;

  constructor({ traceMs, delayUs }: BoundLink) {
    this.traceMs = traceMs;
    this.periodUs = traceMs[traceMs.length - 1] * 1_000;
    if (!(this.periodUs > 0)) throw new RangeError('traceMs: at least one opportunity after 0 ms was expected');
    this.delayUs = delayUs;
  }

  /** When a packet that is sent now would arrive. */
  arrivalUs(sentAtUs: number, bytes: number): number {
    const first = this.firstFor(sentAtUs);
    const inFirst = first === this.current ? this.left : OPPORTUNITY_BYTES;
    const more = Math.max(0, Math.ceil((bytes - inFirst) / OPPORTUNITY_BYTES));
    return this.timeUs(first + more) + this.delayUs;
  }

  take(sentAtUs: number, bytes: number): void {
    const first = this.firstFor(sentAtUs);
    const inFirst = first === this.current ? this.left : OPPORTUNITY_BYTES;
    const more = Math.max(0, Math.ceil((bytes - inFirst) / OPPORTUNITY_BYTES));
    this.current = first + more;
    this.left = inFirst + more * OPPORTUNITY_BYTES - bytes;
  }

  countBetween(fromUs: number, toUs: number): number {
    return this.firstAtOrAfter(toUs) - this.firstAtOrAfter(fromUs);
  }

  private firstFor(sentAtUs: number): number {
    return this.timeUs(this.current) >= sentAtUs ? this.current : this.firstAtOrAfter(sentAtUs);
  }

  private firstAtOrAfter(atUs: number): number {
    const { traceMs, periodUs } = this;
    // The last opportunity of a repetition and the start of the next one are the same moment.
    const cycle = Math.max(0, Math.ceil(atUs / periodUs) - 1);
    const withinMs = (atUs - cycle * periodUs) / 1_000;
    let low = 0;
    let high = traceMs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (traceMs[middle] < withinMs) low = middle + 1;
      else high = middle;
    }
    return cycle * traceMs.length + low;
  }

  private timeUs(opportunity: number): number {
    const cycle = Math.floor(opportunity / this.traceMs.length);
    return cycle * this.periodUs + this.traceMs[opportunity - cycle * this.traceMs.length] * 1_000;
  }
}
