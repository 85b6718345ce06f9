/**
 * How much a path carries in one direction, and when the next datagram may go: capacity is found by the rate at which
 * datagrams arrive and by the growth of their one-way delay, nothing is configured.
 */
import { serialDistance } from '@corridor/wire';
import type { Clock, Earliest } from '../clock.js';
import type { AckReport } from './ack-report.js';

/** `startup`: doubling; `steady`: rate found; `drain`: sending less than arrives until the queue is gone. */
export type CongestionPhase = 'startup' | 'steady' | 'drain';

/** For people. */
export interface CongestionStatus {
  readonly phase: CongestionPhase;
  readonly rateBps: number;
  readonly deliveredBps: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly queueUs: number;
  readonly minRttUs: number;
}

const FIRST_RATE_BPS = 1.2e6;
const MIN_RATE_BPS = 20e3;
const MIN_WINDOW_BYTES = 4 * 1500;
const FIRST_RTT_US = 150_000;
const ACK_US = 10_000;

const TURN = 0; // when all that was sent would have left at the pacing rate
const US_PER_BYTE = 1;
const BURST = 2;
const IN_FLIGHT = 3;
const WINDOW = 4;
const RATE = 5; // bit/s
const DELIVERED = 6;
const QUEUE = 7;
const MIN_RTT = 8;
const OFFSET = 9;
const FLOOR = 10;
const FLOOR_BEFORE = 11;
const FLOOR_AT = 12;
const REF_BYTES = 13;
const STEP_AT = 14;
const LEAST_QUEUE = 15;
const NUMBERS = 16;

const FLOOR_WINDOW_US = 10_000_000;
const TARGET_US = 8_000;

/**
 * One per path and direction of sending; lives as long as the path, through changes of keys. All times are those of
 * the clock handed in, all methods but {@link status} allocate nothing. Asked per packet:
 *
 *     if (congestion.maySend(bytes, clock)) { ...send...; congestion.sent(bytes, clock); }
 *
 * What is sent without asking (probes, acknowledgements, control) is told with {@link sent} too if it will be
 * acknowledged; otherwise {@link inFlightBytes} would be wrong.
 */
export class PathCongestion {
  private readonly numbers = new Float64Array(NUMBERS);
  private phase: CongestionPhase = 'startup';
  private space = -1;
  private refStamp = 0;
  private measured = false;
  private refused = false;

  constructor() {
    this.start(FIRST_RATE_BPS);
  }

  /** What the path is thought to carry, bit/s; also what is paced at in the mean. */
  get rateBps(): number {
    return this.numbers[RATE];
  }
  /** Rate at which the last datagrams arrived, by the peer's clock, bit/s; 0 until measured. */
  get deliveredBps(): number {
    return this.numbers[DELIVERED];
  }
  /** Sent, and neither acknowledged nor lost. */
  get inFlightBytes(): number {
    return this.numbers[IN_FLIGHT];
  }
  get windowBytes(): number {
    return this.numbers[WINDOW];
  }
  /** Standing queue on the path: what the one-way delay does not fall below within a round trip, above its base. */
  get queueUs(): number {
    return this.numbers[QUEUE];
  }
  /** Base of the one-way delay: difference of two unrelated clocks, modulo 2^32; comparable between the paths of a peer. */
  get baseDelayUs(): number {
    return this.numbers[OFFSET] + Math.min(this.numbers[FLOOR], this.numbers[FLOOR_BEFORE]);
  }

  /** Whether a datagram of so many bytes may go now. */
  maySend(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    if (numbers[TURN] - clock.nowUs < numbers[BURST] && numbers[IN_FLIGHT] + bytes <= numbers[WINDOW]) return true;
    this.refused = true;
    return false;
  }

  /** Whether an urgent datagram may go although {@link maySend} refuses: up to a quarter beyond window and 20 ms ahead of the pacer. */
  mayOverdraw(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    return (
      numbers[TURN] - clock.nowUs < numbers[BURST] + 20_000 &&
      numbers[IN_FLIGHT] + bytes <= 1.25 * numbers[WINDOW] + MIN_WINDOW_BYTES
    );
  }

  /** A datagram went out. */
  sent(bytes: number, clock: Clock): void {
    const { numbers } = this;
    const turn = numbers[TURN] > clock.nowUs ? numbers[TURN] : clock.nowUs;
    numbers[TURN] = turn + bytes * numbers[US_PER_BYTE];
    numbers[IN_FLIGHT] += bytes;
  }

  /** Notes when {@link maySend} may turn true by time alone; nothing while acknowledgements must come first. */
  noteDeadline(earliest: Earliest): void {
    const { numbers } = this;
    if (numbers[IN_FLIGHT] < numbers[WINDOW]) earliest.note(numbers[TURN] - numbers[BURST]);
  }

  /** How long a datagram handed over now waits for the pacer, microseconds; 0: goes at once, unless the window is full. */
  waitUs(clock: Clock): number {
    const wait = this.numbers[TURN] - this.numbers[BURST] - clock.nowUs;
    return wait > 0 ? wait : 0;
  }

  /** Nothing is left to send although {@link maySend} allows more: what arrives now is no measure of the path. */
  limitedByApplication(_clock: Clock): void {
    this.refused = false;
  }

  /**
   * Traffic of about this rate moves here now: starts at this rate if less is known of the path, and lets `burstBytes`
   * out at once. Backs off within a round trip when a queue grows.
   */
  expect(rateBps: number, burstBytes: number, clock: Clock): void {
    const { numbers } = this;
    if (rateBps > numbers[RATE]) this.setRate(rateBps);
    numbers[WINDOW] = Math.max(numbers[WINDOW], numbers[IN_FLIGHT] + burstBytes);
    numbers[TURN] = Math.min(numbers[TURN], clock.nowUs - burstBytes * numbers[US_PER_BYTE]);
  }

  /** Another address, or the path was down: nothing that was known counts any more, and nothing is in flight. */
  forget(_clock: Clock): void {
    this.start(FIRST_RATE_BPS);
  }

  /** Takes in an acknowledgement; see {@link AckReport}. */
  acknowledged(report: AckReport, clock: Clock): void {
    const { numbers } = this;
    numbers[IN_FLIGHT] = Math.max(0, numbers[IN_FLIGHT] - report.ackedBytes - report.lostBytes);
    if (report.largestSentAtUs < 0) return;
    const { nowUs } = clock;
    if (report.rttUs > 0 && report.rttUs < numbers[MIN_RTT]) numbers[MIN_RTT] = report.rttUs;
    this.noteTransit(report.transitUs, nowUs);
    this.noteRate(report, nowUs);
  }

  status(): CongestionStatus {
    const { numbers } = this;
    return {
      phase: this.phase,
      rateBps: numbers[RATE],
      deliveredBps: numbers[DELIVERED],
      windowBytes: numbers[WINDOW],
      inFlightBytes: numbers[IN_FLIGHT],
      queueUs: numbers[QUEUE],
      minRttUs: Number.isFinite(numbers[MIN_RTT]) ? numbers[MIN_RTT] : 0,
    };
  }

  private start(rateBps: number): void {
    const { numbers } = this;
    numbers.fill(0);
    numbers[MIN_RTT] = Number.POSITIVE_INFINITY;
    numbers[FLOOR_AT] = Number.NEGATIVE_INFINITY;
    numbers[LEAST_QUEUE] = Number.POSITIVE_INFINITY;
    this.phase = 'startup';
    this.space = -1;
    this.measured = false;
    this.setRate(rateBps);
  }

  private setRate(rateBps: number): void {
    const { numbers } = this;
    const rate = Math.max(MIN_RATE_BPS, rateBps);
    numbers[RATE] = rate;
    numbers[US_PER_BYTE] = 8e6 / rate;
    numbers[BURST] = Math.max(1_000, 1500 * numbers[US_PER_BYTE]);
    const rtt = Number.isFinite(numbers[MIN_RTT]) ? numbers[MIN_RTT] : FIRST_RTT_US;
    const pipeUs = 2 * rtt + 2 * ACK_US;
    numbers[WINDOW] = Math.max(MIN_WINDOW_BYTES, pipeUs / numbers[US_PER_BYTE]);
  }

  private noteTransit(transitUs: number, nowUs: number): void {
    const { numbers } = this;
    if (!this.measured) {
      this.measured = true;
      numbers[OFFSET] = transitUs;
      numbers[FLOOR] = Number.POSITIVE_INFINITY;
      numbers[FLOOR_BEFORE] = Number.POSITIVE_INFINITY;
      numbers[FLOOR_AT] = nowUs;
    }
    const transit = serialDistance(transitUs, numbers[OFFSET]);
    if (nowUs - numbers[FLOOR_AT] >= FLOOR_WINDOW_US) {
      numbers[FLOOR_BEFORE] = numbers[FLOOR];
      numbers[FLOOR] = transit;
      numbers[FLOOR_AT] = nowUs;
    } else if (transit < numbers[FLOOR]) numbers[FLOOR] = transit;
    const queue = transit - Math.min(numbers[FLOOR], numbers[FLOOR_BEFORE]);
    if (queue < numbers[LEAST_QUEUE]) numbers[LEAST_QUEUE] = queue;
  }

  private noteRate(report: AckReport, nowUs: number): void {
    const { numbers } = this;
    if (report.space !== this.space) {
      this.space = report.space;
      this.refStamp = report.arrivedStamp;
      numbers[REF_BYTES] = report.receivedBytes;
      numbers[STEP_AT] = nowUs;
      return;
    }
    const rtt = Math.min(numbers[MIN_RTT], 1e6);
    if (nowUs - numbers[STEP_AT] < Math.max(ACK_US, rtt)) return;
    const spanUs = serialDistance(report.arrivedStamp, this.refStamp);
    if (spanUs < ACK_US / 2) return;
    numbers[DELIVERED] = ((report.receivedBytes - numbers[REF_BYTES]) * 8e6) / spanUs;
    this.refStamp = report.arrivedStamp;
    numbers[REF_BYTES] = report.receivedBytes;
    numbers[STEP_AT] = nowUs;
    this.step(rtt);
    numbers[LEAST_QUEUE] = Number.POSITIVE_INFINITY;
    this.refused = false;
  }

  private step(rtt: number): void {
    const { numbers } = this;
    numbers[QUEUE] = numbers[LEAST_QUEUE];
    const queue = numbers[QUEUE];
    const delivered = numbers[DELIVERED];
    if (queue > 2 * TARGET_US) {
      this.phase = 'drain';
      const share = Math.max(0.5, 1 - queue / (rtt + queue + ACK_US));
      this.setRate(Math.min(numbers[RATE], delivered * share));
    } else if (!this.refused) {
      if (delivered > numbers[RATE]) this.setRate(delivered);
    } else if (this.phase === 'startup')
      this.setRate(Math.min(2 * numbers[RATE], Math.max(numbers[RATE], 2 * delivered)));
    else {
      this.phase = 'steady';
      this.setRate(numbers[RATE] * (queue < TARGET_US ? 1.1 : 0.97));
    }
  }
}
