/** Losses that come of too small a queue, and those that would come anyway. */
import type { AckReport } from './ack-report.js';

const ALL = 0;
const RANDOM = 1;
const ROUND_ACKED = 2;
const ROUND_LOST = 3;
const ROUND_BYTES = 4;
const QUEUE = 5;
const NUMBERS = 6;

/** Packets over which the ratio of losses is smoothed. */
const SMOOTHING = 500;
/** No path loses more than this by itself and is still worth its packets. */
const RANDOM_MAX = 0.4;

export class Losses {
  private readonly numbers = new Float64Array(NUMBERS);

  /** Share of all that is lost. */
  get ratio(): number {
    return this.numbers[ALL];
  }
  /** Share that is lost when there is no lack of capacity. */
  get randomRatio(): number {
    return this.numbers[RANDOM];
  }
  /** Share of the losses that are not for lack of capacity, 0 to 1. */
  get innocence(): number {
    const { numbers } = this;
    return numbers[RANDOM] < numbers[ALL] ? numbers[RANDOM] / numbers[ALL] : 1;
  }
  /** Packets whose fate this round has told, and the share of them that is lost. */
  get roundPackets(): number {
    return this.numbers[ROUND_ACKED] + this.numbers[ROUND_LOST];
  }
  get roundRatio(): number {
    const seen = this.roundPackets;
    return seen > 0 ? this.numbers[ROUND_LOST] / seen : 0;
  }
  /** Bytes whose fate this round has told. */
  get roundBytes(): number {
    return this.numbers[ROUND_BYTES];
  }

  forget(): void {
    this.numbers.fill(0);
  }

  /** @param queueUs what the newest that arrived before waited, microseconds */
  count(report: AckReport, queueUs: number): void {
    const { numbers } = this;
    const { ackedPackets, lostPackets } = report;
    const all = ackedPackets + lostPackets;
    if (all <= 0) return;
    numbers[ROUND_BYTES] += report.ackedBytes + report.lostBytes;
    numbers[ROUND_ACKED] += ackedPackets;
    numbers[ROUND_LOST] += lostPackets;
    if (lostPackets > 0 && queueUs > numbers[QUEUE]) numbers[QUEUE] = queueUs;
    numbers[ALL] += (Math.max(0, lostPackets) / all - numbers[ALL]) * Math.min(0.5, all / SMOOTHING);
  }

  endRound(): void {
    this.numbers.fill(0, ROUND_ACKED, QUEUE);
  }

  /** The longest queue in which something was lost since this was last asked, microseconds: so much the buffer holds. */
  takeQueueUs(): number {
    const queueUs = this.numbers[QUEUE];
    this.numbers[QUEUE] = 0;
    return queueUs;
  }

  /** Of `packets` for which there was capacity this share was lost. */
  learn(ratio: number, packets: number): void {
    const { numbers } = this;
    numbers[RANDOM] += (Math.min(ratio, RANDOM_MAX) - numbers[RANDOM]) * Math.min(0.5, packets / SMOOTHING);
  }
}
