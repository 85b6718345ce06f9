/**
 * Sending less for a moment, to see what changes: the base of the delay shows, and whether queue and losses are ours.
 * BBR's ProbeRTT, but never below half of the rate while the path is ours alone.
 */
import type { Clock } from '../clock.js';
import type { AckReport } from './ack-report.js';
import {
  ACK_US,
  COMPETE_PAUSE_US,
  DRAIN_DEPTH,
  DRAIN_MAX_US,
  DRAIN_MIN_US,
  DRAIN_SHARE,
  DRAIN_TELLS_US,
  PACKET_BYTES,
} from './constants.js';
import type { QueueDelay } from './queue-delay.js';

const FROM = 0;
const UNTIL = 1;
const SHARE = 2;
const ACKED = 3;
const LOST = 4;
const LEAST = 5;
const BEFORE = 6;
const SENT = 7;
const CAPACITY = 8;
const LOSS_BEFORE = 9;
const NUMBERS = 10;

export class Drain {
  /** From its beginning until its effect has been seen. */
  isRunning = false;
  private readonly numbers = new Float64Array(NUMBERS);

  /** When the last one ended. */
  get endedUs(): number {
    return this.numbers[UNTIL];
  }
  /** Share of the capacity that may be sent meanwhile. */
  get share(): number {
    return this.numbers[SHARE];
  }
  /** Standing queue when it began, as the datagrams sent last before it found it. */
  get queueBeforeUs(): number {
    return this.numbers[BEFORE];
  }
  /** Least delay of what was sent meanwhile, above the base. */
  get leastUs(): number {
    return this.numbers[LEAST];
  }
  get lossBefore(): number {
    return this.numbers[LOSS_BEFORE];
  }
  /** Packets sent meanwhile whose fate is known, and the share of them that is lost. */
  get packets(): number {
    return this.numbers[ACKED] + this.numbers[LOST];
  }
  get lossRatio(): number {
    return this.numbers[LOST] / this.packets;
  }
  /**
   * Share of what the queue should have shrunk by that it has shrunk by, if all of it is ours; below 0 when it grew.
   * NaN when too little was held back to tell.
   */
  get response(): number {
    const { numbers } = this;
    const heldBack = numbers[UNTIL] - numbers[FROM] - numbers[SENT] / numbers[CAPACITY];
    const expected = Math.min(numbers[BEFORE], heldBack);
    if (expected < DRAIN_TELLS_US || expected < PACKET_BYTES / numbers[CAPACITY]) return Number.NaN;
    return (numbers[BEFORE] - numbers[LEAST]) / expected;
  }

  forget(): void {
    this.isRunning = false;
    this.numbers.fill(0);
  }

  /** @param isPause nothing at all is sent, since another sender fills the queue */
  begin(delay: QueueDelay, capacity: number, loss: number, isPause: boolean, clock: Clock): void {
    const { numbers } = this;
    const { nowUs } = clock;
    this.isRunning = true;
    // Single packets must not decide.
    const lessUs = Math.max(DRAIN_DEPTH * delay.standingUs + delay.raisedUs + 2_000, (2 * PACKET_BYTES) / capacity);
    const lengthUs = Math.min(DRAIN_MAX_US, Math.max(DRAIN_MIN_US, lessUs / (1 - DRAIN_SHARE)));
    numbers[FROM] = nowUs;
    numbers[UNTIL] = nowUs + (isPause ? COMPETE_PAUSE_US : lengthUs);
    numbers[SHARE] = isPause ? 0 : Math.min(DRAIN_SHARE, Math.max(0.5, 1 - lessUs / DRAIN_MAX_US));
    numbers[ACKED] = 0;
    numbers[LOST] = 0;
    numbers[SENT] = 0;
    numbers[LEAST] = Number.POSITIVE_INFINITY;
    numbers[BEFORE] = delay.standingUs;
    numbers[CAPACITY] = capacity;
    numbers[LOSS_BEFORE] = loss;
  }

  /** Whether less than the capacity may be sent now. */
  isHolding(clock: Clock): boolean {
    return this.isRunning && clock.nowUs < this.numbers[UNTIL];
  }

  sent(bytes: number, clock: Clock): void {
    if (clock.nowUs < this.numbers[UNTIL]) this.numbers[SENT] += bytes;
  }

  /** Takes in what an acknowledgement tells. @returns whether all that was sent meanwhile has been answered */
  observe(report: AckReport, delay: QueueDelay): boolean {
    const { numbers } = this;
    const sentAtUs = report.largestSentAtUs;
    if (sentAtUs <= numbers[FROM]) numbers[BEFORE] = delay.standingUs;
    else if (delay.latestUs < numbers[LEAST]) numbers[LEAST] = delay.latestUs;
    if (sentAtUs > numbers[FROM] + 2 * ACK_US) {
      numbers[ACKED] += report.ackedPackets;
      numbers[LOST] += report.lostPackets;
    }
    return sentAtUs >= numbers[UNTIL] + 2 * ACK_US;
  }
}
