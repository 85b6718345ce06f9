import type { FlowResult, TrafficKind } from './scenario.js';

/** Names of a flow in its result. */
export interface FlowIdentity {
  readonly vehicle: number;
  readonly flow: string;
  readonly kind: TrafficKind;
  readonly direction: 'up' | 'down';
}

/** Counts what the receiver of one flow gets: losses, gaps and delays, exactly. Shared by simulator and lab. */
export class FlowRecorder {
  private seen = new Uint8Array(1024);
  private delays = new Float64Array(1024);
  private received = 0;
  private repeats = 0;
  private lastArrivalUs = -1;
  private longestGapUs = 0;
  private longestGapAtUs = 0;

  constructor(readonly identity: FlowIdentity) {}

  /** Notes a packet with its number in the flow, from 0. */
  arrived(sequence: number, sentAtUs: number, nowUs: number): void {
    if (sequence >= this.seen.length) this.seen = grownTo(this.seen, new Uint8Array(roomFor(sequence)));
    if (this.seen[sequence] === 1) {
      this.repeats++;
      return;
    }
    this.seen[sequence] = 1;
    if (this.received === this.delays.length) this.delays = grownTo(this.delays, new Float64Array(this.received * 2));
    this.delays[this.received++] = nowUs - sentAtUs;
    if (this.lastArrivalUs >= 0) this.noteGap(nowUs);
    this.lastArrivalUs = nowUs;
  }

  /** Result after `sent` packets, the last one about `stopUs`. */
  result(sent: number, stopUs: number): FlowResult {
    if (this.lastArrivalUs >= 0) this.noteGap(stopUs);
    const sorted = this.delays.slice(0, this.received).sort();
    return {
      ...this.identity,
      sent,
      received: this.received,
      lost: sent - this.received,
      duplicates: this.repeats,
      longestGapUs: this.longestGapUs,
      longestGapAtUs: this.longestGapAtUs,
      delayP50Us: percentile(sorted, 50),
      delayP95Us: percentile(sorted, 95),
      delayP99Us: percentile(sorted, 99),
      delayMaxUs: percentile(sorted, 100),
    };
  }

  private noteGap(nowUs: number): void {
    const gapUs = nowUs - this.lastArrivalUs;
    if (gapUs <= this.longestGapUs) return;
    this.longestGapUs = gapUs;
    this.longestGapAtUs = this.lastArrivalUs;
  }
}

/** The smallest value with at least `percent` percent of `sorted` (ascending) at or below it; 0 without values. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

function roomFor(sequence: number): number {
  return 2 ** Math.ceil(Math.log2(sequence + 1) + 1);
}

function grownTo<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
