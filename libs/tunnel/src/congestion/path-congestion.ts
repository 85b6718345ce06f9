/**
 * How much a path carries in one direction, and when the next datagram may go: capacity is found by the rate at which
 * datagrams arrive and by the growth of their one-way delay, nothing is configured.
 */
import { Clock, type Earliest } from '../clock.js';
import type { AckReport } from './ack-report.js';
import {
  ACK_US,
  AGAIN_US,
  BURST_US,
  CHANGE_GAIN,
  COMPETE_AGAIN_US,
  COMPETE_CHECK_US,
  COMPETE_DOWN,
  COMPETE_END_US,
  COMPETE_PAUSE_US,
  COMPETE_RAISED_US,
  COMPETE_UP,
  DRAIN_DEPTH,
  DRAIN_EVERY_US,
  DRAIN_MAX_US,
  DRAIN_SHARE,
  DRAIN_TELLS_US,
  FIRST_PIPE_US,
  FIRST_RATE_BPS,
  IDLE_HALF_LIFE_US,
  IDLE_KEPT_US,
  LOSS_MARGIN,
  MIN_RATE_BPS,
  MIN_WINDOW_BYTES,
  OVERDRAFT_US,
  PACKET_BYTES,
  PEAK_MEMORY_US,
  PROBE_MARGIN_US,
  PROBE_US,
  RATE_PACKETS,
  RATE_SPAN_US,
  RESPONSE_US,
  STUBBORN_CHANGE,
  STUBBORN_ROUNDS,
  TARGET_LEAST_US,
} from './constants.js';
import { DeliveredRate } from './delivered-rate.js';
import { QueueDelay } from './queue-delay.js';

/** `search`: no queue, growing; `steady`: a small queue stands; `drain`: asks whether less load means less delay and loss; `compete`: a sender beside us fills the queue. */
export type CongestionPhase = 'search' | 'steady' | 'drain' | 'compete';

/** For people. */
export interface CongestionStatus {
  readonly phase: CongestionPhase;
  /** Paced at now, and thought to be carried. */
  readonly pacingBps: number;
  readonly rateBps: number;
  readonly deliveredBps: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly queueUs: number;
  readonly targetUs: number;
  /** Loss that is not for lack of capacity. */
  readonly lossRatio: number;
  readonly pipeUs: number;
}

const TURN = 0; // when all that was sent would have left at the pacing rate
const US_PER_BYTE = 1; // of the pacer
const BURST = 2;
const IN_FLIGHT = 3;
const WINDOW = 4;
const CAPACITY = 5; // bytes per microsecond
const DELIVERED = 6; // likewise, of the last round
const PIPE = 7; // round trip less queue, smoothed
const PIPE_VAR = 8;
const TARGET = 9;
const TARGET_CAP = 10;
const GAIN = 11;
const ROUND_SENT = 12; // a round begins with what was sent from here on
const ROUND_ACKED = 13;
const ROUND_LOST = 14;
const RANDOM_LOSS = 15;
const LOSS = 16;
const DRAIN_FROM = 17;
const DRAIN_UNTIL = 18;
const DRAIN_ACKED = 19;
const DRAIN_LOST = 20;
const DRAIN_LEAST = 21;
const DRAIN_BEFORE = 22; // standing queue when it began
const DRAIN_LOSS = 23; // loss when it began
const EMPTY_AT = 24; // when the queue was last seen empty
const COMPETE_CHECK_AT = 26;
const SENT_AT = 27;
const ACKED_AT = 28;
const HOLD = 30; // rounds to come in which loss counts no more
const DRAIN_SENT = 31;
const DRAIN_CAPACITY = 32;
const DRAIN_TO = 35;
const PROBE_AT = 36; // a full window is silent: one more may go to find out
const PATIENCE = 37; // pause between these
const PEAK = 38; // most that was carried in the last seconds
const ROUND_BYTES = 39;
const LAST_ACKED_AT = 40; // at the end of the last round
const LAST_QUEUE = 41;
const LAST_CAPACITY = 42;
const CHANGE = 43; // mean relative change of what arrives from round to round
const PACE = 44; // bytes per microsecond to send at
const EXPECTED = 45; // queue that the next datagram will find
const NUMBERS = 46;

/** Of a path that was not used yet. */
const NEVER = new Clock();

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
  private readonly delay = new QueueDelay();
  private readonly rate = new DeliveredRate();
  private refused = false;
  private draining = false;
  private competing = false;
  private stubborn = 0;
  /** Drains in a row that did not change the delay. */
  private unmoved = 0;
  /** A queue has stood, or more loss than is usual: the limit was reached once. */
  private found = false;

  constructor() {
    this.start(NEVER);
  }

  /** What the path is thought to carry, bit/s. */
  get rateBps(): number {
    return this.numbers[CAPACITY] * 8e6;
  }
  /** Rate at which the last datagrams arrived, by the peer's clock, bit/s; 0 until measured. */
  get deliveredBps(): number {
    return this.numbers[DELIVERED] * 8e6;
  }
  /** Sent, and neither acknowledged nor lost. */
  get inFlightBytes(): number {
    return this.numbers[IN_FLIGHT];
  }
  get windowBytes(): number {
    return this.numbers[WINDOW];
  }
  /** Standing queue on the path: what the one-way delay does not fall below for a while, above its base. */
  get queueUs(): number {
    return this.delay.standingUs;
  }
  /** Base of the one-way delay: difference of two unrelated clocks, modulo 2^32; comparable between the paths of a peer. */
  get baseDelayUs(): number {
    return this.delay.baseTransitUs;
  }

  /** Nothing has shown yet where its limit is. */
  get isDiscovering(): boolean {
    return !this.found;
  }

  /** Whether a datagram of so many bytes may go now. */
  maySend(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    if (numbers[TURN] - clock.nowUs < numbers[BURST]) {
      if (numbers[IN_FLIGHT] + bytes <= numbers[WINDOW]) return true;
      if (clock.nowUs >= numbers[PROBE_AT]) {
        this.widenForProbe(clock);
        return true;
      }
    }
    this.refused = true;
    return false;
  }

  /** Whether an urgent datagram may go although {@link maySend} refuses: a quarter beyond the window, 20 ms ahead of the pacer. */
  mayOverdraw(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    return (
      numbers[TURN] - clock.nowUs < 2 * numbers[BURST] + OVERDRAFT_US &&
      numbers[IN_FLIGHT] + bytes <= 1.25 * numbers[WINDOW] + MIN_WINDOW_BYTES
    );
  }

  /** A datagram went out. */
  sent(bytes: number, clock: Clock): void {
    const { numbers } = this;
    const { nowUs } = clock;
    if (nowUs - numbers[SENT_AT] > IDLE_KEPT_US) this.wake(clock);
    numbers[SENT_AT] = nowUs;
    const turn = numbers[TURN] > nowUs ? numbers[TURN] : nowUs;
    numbers[TURN] = turn + bytes * numbers[US_PER_BYTE];
    numbers[IN_FLIGHT] += bytes;
    if (this.draining && nowUs < numbers[DRAIN_UNTIL]) numbers[DRAIN_SENT] += bytes;
  }

  /** Notes when {@link maySend} may turn true by time alone: the pacer's turn, or a probe of a full window that is silent. */
  noteDeadline(earliest: Earliest): void {
    const { numbers } = this;
    const turn = numbers[TURN] - numbers[BURST] / 2;
    const isFull = numbers[IN_FLIGHT] + PACKET_BYTES > numbers[WINDOW];
    earliest.note(isFull && numbers[PROBE_AT] > turn ? numbers[PROBE_AT] : turn);
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
    numbers[SENT_AT] = clock.nowUs;
    numbers[CAPACITY] = Math.max(numbers[CAPACITY], rateBps / 8e6);
    numbers[PACE] = numbers[CAPACITY];
    this.pace(clock);
    numbers[WINDOW] = Math.max(numbers[WINDOW], numbers[IN_FLIGHT] + burstBytes);
    numbers[TURN] = Math.min(numbers[TURN], clock.nowUs - burstBytes * numbers[US_PER_BYTE]);
  }

  /** Another address, or the path was down: nothing that was known counts any more, and nothing is in flight. */
  forget(clock: Clock): void {
    this.start(clock);
  }

  /** Takes in an acknowledgement; see {@link AckReport}. */
  acknowledged(report: AckReport, clock: Clock): void {
    const { numbers, delay, rate } = this;
    numbers[IN_FLIGHT] = Math.max(0, numbers[IN_FLIGHT] - report.ackedBytes - report.lostBytes);
    numbers[PROBE_AT] = clock.nowUs + numbers[PATIENCE];
    this.countLoss(report);
    if (report.largestSentAtUs < 0) return;
    numbers[ACKED_AT] = report.largestSentAtUs;
    rate.note(report);
    delay.usPerByte = 1 / numbers[CAPACITY];
    delay.note(report, this.competing, clock);
    if (delay.latestUs < numbers[TARGET] / 4) {
      if (delay.raisedUs < DRAIN_TELLS_US) numbers[EMPTY_AT] = clock.nowUs;
      if (delay.latestUs < numbers[TARGET] / 8) rate.mark();
    }
    if (report.rttUs > 0) this.notePipe(report);
    this.updateTarget();
    this.endRound(clock);
    this.serviceDrain(clock);
    this.control(clock);
  }

  status(): CongestionStatus {
    const { numbers } = this;
    return {
      phase: this.draining ? 'drain' : this.competing ? 'compete' : this.isStanding ? 'steady' : 'search',
      pacingBps: 8e6 / numbers[US_PER_BYTE],
      rateBps: this.rateBps,
      deliveredBps: this.deliveredBps,
      windowBytes: numbers[WINDOW],
      inFlightBytes: numbers[IN_FLIGHT],
      queueUs: this.queueUs,
      targetUs: numbers[TARGET],
      lossRatio: numbers[RANDOM_LOSS],
      pipeUs: numbers[PIPE],
    };
  }

  private get isStanding(): boolean {
    return this.delay.standingUs >= this.numbers[TARGET] / 2;
  }

  /** Share of the losses that are not for lack of capacity, 0 to 1. */
  private get innocence(): number {
    const { numbers } = this;
    return numbers[RANDOM_LOSS] < numbers[LOSS] ? numbers[RANDOM_LOSS] / numbers[LOSS] : 1;
  }
  /** Queue that the next datagram will find: what was measured, and what went out since less what left meanwhile. */
  private expectQueue(clock: Clock): void {
    const { numbers } = this;
    const sinceUs = clock.nowUs - numbers[ACKED_AT];
    numbers[EXPECTED] = Math.max(0, this.delay.standingUs + numbers[IN_FLIGHT] / numbers[CAPACITY] - sinceUs);
  }
  /** What jitter may add to the standing queue. */
  private get allowanceUs(): number {
    return Math.min(10_000, 2 * this.delay.jitterUs);
  }

  private start(clock: Clock): void {
    const { numbers } = this;
    numbers.fill(0);
    numbers[CAPACITY] = FIRST_RATE_BPS / 8e6;
    numbers[PIPE] = FIRST_PIPE_US;
    numbers[TURN] = Number.NEGATIVE_INFINITY;
    numbers[TARGET_CAP] = Number.POSITIVE_INFINITY;
    numbers[SENT_AT] = Number.POSITIVE_INFINITY;
    numbers[GAIN] = 1;
    this.found = false;
    this.draining = false;
    this.competing = false;
    this.stubborn = 0;
    this.unmoved = 0;
    this.refused = false;
    this.delay.forget();
    this.rate.forget();
    this.updateTarget();
    numbers[PACE] = numbers[CAPACITY];
    this.pace(clock);
  }

  /** After a pause: what was known fades. */
  private wake(clock: Clock): void {
    const { numbers } = this;
    const kept = 0.5 ** ((clock.nowUs - numbers[SENT_AT] - IDLE_KEPT_US) / IDLE_HALF_LIFE_US);
    const first = FIRST_RATE_BPS / 8e6;
    if (numbers[CAPACITY] > first) numbers[CAPACITY] = Math.max(first, numbers[CAPACITY] * kept);
    numbers[GAIN] = 0.5;
    numbers[HOLD] = 0;
    numbers[ROUND_SENT] = clock.nowUs;
    this.rate.mark();
    numbers[PACE] = numbers[CAPACITY];
    this.pace(clock);
  }

  /** Everything in flight may be lost, and nothing would ever say so. */
  private widenForProbe(clock: Clock): void {
    const { numbers } = this;
    numbers[WINDOW] = numbers[IN_FLIGHT] + Math.max(2 * PACKET_BYTES, PROBE_US * numbers[CAPACITY]);
    numbers[PROBE_AT] = clock.nowUs + numbers[PATIENCE];
  }

  /** Sets pacer and window for {@link PACE}. */
  private pace(clock: Clock): void {
    const { numbers } = this;
    const rate = Math.max(MIN_RATE_BPS / 8e6, numbers[PACE]);
    const owedUs = numbers[TURN] - clock.nowUs;
    if (owedUs > 0) numbers[TURN] = clock.nowUs + owedUs / (rate * numbers[US_PER_BYTE]);
    numbers[US_PER_BYTE] = 1 / rate;
    numbers[BURST] = Math.max(BURST_US, PACKET_BYTES / rate);
    const pipeUs =
      1.25 * numbers[PIPE] +
      4 * numbers[PIPE_VAR] +
      4 * ACK_US +
      numbers[TARGET] +
      (this.competing ? this.delay.standingUs : 0);
    numbers[WINDOW] = Math.max(MIN_WINDOW_BYTES, pipeUs * Math.max(rate, numbers[CAPACITY]));
    numbers[PATIENCE] = pipeUs + PROBE_MARGIN_US + this.delay.standingUs;
  }

  private notePipe(report: AckReport): void {
    const { numbers } = this;
    const sample = Math.max(0, report.rttUs - Math.max(0, this.delay.latestUs));
    const off = sample - numbers[PIPE];
    numbers[PIPE_VAR] += (Math.abs(off) - numbers[PIPE_VAR]) / 16;
    numbers[PIPE] += off / (numbers[DELIVERED] === 0 ? 1 : 8);
  }

  private countLoss(report: AckReport): void {
    const { numbers } = this;
    const { ackedPackets, lostPackets } = report;
    if (ackedPackets + lostPackets === 0) return;
    numbers[ROUND_BYTES] += report.ackedBytes + report.lostBytes;
    numbers[ROUND_ACKED] += ackedPackets;
    numbers[ROUND_LOST] += lostPackets;
    if (this.draining && numbers[ACKED_AT] > numbers[DRAIN_FROM] + 2 * ACK_US) {
      numbers[DRAIN_ACKED] += ackedPackets;
      numbers[DRAIN_LOST] += lostPackets;
    }
    const all = ackedPackets + lostPackets;
    numbers[LOSS] += (lostPackets / all - numbers[LOSS]) * Math.min(0.5, all / 500);
  }

  private updateTarget(): void {
    const { numbers } = this;
    const packet = PACKET_BYTES / numbers[CAPACITY];
    const law = 4_000 + 1_200 * Math.log2(25 / numbers[CAPACITY]);
    const target = Math.max(Math.min(packet, 50_000), Math.min(15_000, Math.max(3_000, law)));
    numbers[TARGET] = Math.min(target, numbers[TARGET_CAP]);
  }

  /** Once a round: does more arrive when more is sent? */
  private endRound(clock: Clock): void {
    const { numbers, rate, delay } = this;
    if (numbers[ACKED_AT] < numbers[ROUND_SENT] + RATE_SPAN_US) return;
    const spanUs = numbers[ACKED_AT] - numbers[ROUND_SENT];
    if (
      !rate.measure(
        Math.min(spanUs, Math.max(2 * RATE_SPAN_US, 8 * delay.jitterUs)),
        RATE_PACKETS * PACKET_BYTES,
        false,
      )
    ) {
      if (spanUs < 1_000_000) return;
      this.beginRound(clock);
      return;
    }
    const delivered = rate.bytesPerUs;
    const before = numbers[DELIVERED];
    numbers[DELIVERED] = delivered;
    if (before > 0 && this.refused && delay.standingUs < numbers[TARGET]) {
      const change = Math.abs(delivered - before) / Math.max(delivered, before);
      numbers[CHANGE] += (change - numbers[CHANGE]) / 16;
    }
    const seen = numbers[ROUND_ACKED] + numbers[ROUND_LOST];
    const loss = seen > 0 ? numbers[ROUND_LOST] / seen : 0;
    const grown = delivered >= before * (1 + numbers[GAIN] / 2);
    // All of what we add arrives, at once: the delay that stands is not for lack of capacity.
    if (
      grown &&
      before > 0 &&
      numbers[GAIN] >= 0.25 &&
      this.refused &&
      delay.standingUs < numbers[TARGET] + this.allowanceUs
    )
      delay.raiseBase();
    const low = delay.standingUs < numbers[TARGET] / 2;
    const sustained = delivered + rate.lostPerUs * this.innocence;
    const elapsedUs = clock.nowUs - numbers[ROUND_SENT];
    if (sustained > numbers[PEAK]) numbers[PEAK] = sustained;
    else if (!this.competing) numbers[PEAK] *= 1 - Math.min(1, elapsedUs / PEAK_MEMORY_US);
    if (this.competing) {
      this.compete(loss, elapsedUs, Math.max(1.5 * before, 1.5 * sustained, numbers[PEAK] / 4), clock);
      this.beginRound(clock);
      return;
    }
    this.noteStubborn(clock);
    if (low && sustained > numbers[CAPACITY]) numbers[CAPACITY] = sustained;
    const least = Math.min(0.25, Math.max(0.01, 4_000 / (numbers[PIPE] + 30_000), CHANGE_GAIN * numbers[CHANGE]));
    if (!low) this.found = true;
    if (!low) numbers[GAIN] = Math.max(least, numbers[GAIN] / 4);
    else if (this.refused && !this.draining) {
      if (grown) {
        numbers[GAIN] = Math.min(1, 2 * numbers[GAIN]);
        if (seen > 50) numbers[RANDOM_LOSS] += (loss - numbers[RANDOM_LOSS]) * Math.min(0.5, seen / 400);
      } else {
        numbers[GAIN] = Math.max(least, numbers[GAIN] / 2);
      }
    }
    this.beginRound(clock);
  }

  /** Far less was sent than the path carried, twice in a row, and the queue is as long as before: it is not ours. */
  private noteStubborn(clock: Clock): void {
    const { numbers, delay } = this;
    const elapsedUs = numbers[ACKED_AT] - numbers[LAST_ACKED_AT];
    const before = numbers[LAST_QUEUE];
    // What is left of us is no measure of the link.
    const capacity = Math.max(numbers[LAST_CAPACITY], numbers[PEAK] / 10);
    const expected = elapsedUs - numbers[ROUND_BYTES] / capacity;
    const packetUs = PACKET_BYTES / Math.max(numbers[PEAK], numbers[CAPACITY]);
    if (before > numbers[TARGET] + this.allowanceUs && expected > DRAIN_TELLS_US && expected > packetUs) {
      if (before - delay.standingUs > expected / 4) this.stubborn = this.stubborn > 0 ? this.stubborn - 1 : 0;
      else if (++this.stubborn >= STUBBORN_ROUNDS + STUBBORN_CHANGE * numbers[CHANGE]) this.giveIn(clock);
    } else this.stubborn = 0;
    numbers[LAST_ACKED_AT] = numbers[ACKED_AT];
    numbers[LAST_QUEUE] = delay.standingUs;
    numbers[LAST_CAPACITY] = numbers[CAPACITY];
  }

  /** What stands is not ours to take away: it is the base from now on, or somebody to compete with. */
  private giveIn(clock: Clock): void {
    const { numbers, delay } = this;
    this.stubborn = 0;
    this.unmoved = 0;
    if (delay.standingUs + delay.raisedUs < COMPETE_RAISED_US) {
      delay.raiseBase();
      return;
    }
    this.competing = true;
    numbers[CAPACITY] = Math.max(numbers[CAPACITY], numbers[PEAK] / 10);
    numbers[COMPETE_CHECK_AT] = clock.nowUs + COMPETE_CHECK_US / 4;
  }

  /** Beside a sender that fills the queue until it overflows, only its own measure holds: what arrives, and loss. */
  private compete(loss: number, elapsedUs: number, most: number, clock: Clock): void {
    const { numbers, delay } = this;
    if (delay.standingUs + delay.raisedUs < COMPETE_END_US) this.stopCompeting(clock);
    else if (loss > numbers[RANDOM_LOSS] + LOSS_MARGIN / 4) {
      // Once per overflow: what was sent before the first reaction may be lost, too.
      if (numbers[HOLD] === 0) numbers[CAPACITY] *= COMPETE_DOWN;
      numbers[HOLD] = 1 - numbers[HOLD];
    } else if (this.refused) {
      const haste = numbers[CAPACITY] < numbers[PEAK] / 3 ? 2 : 1;
      numbers[CAPACITY] += haste * numbers[PEAK] * COMPETE_UP * (elapsedUs / 1e6);
    }
    // Far more than arrives: the link has become slower.
    if (numbers[CAPACITY] > most) numbers[CAPACITY] = most;
  }

  private stopCompeting(clock: Clock): void {
    this.competing = false;
    this.unmoved = 0;
    this.delay.restoreBase();
    this.numbers[EMPTY_AT] = clock.nowUs;
  }

  private beginRound(clock: Clock): void {
    const { numbers } = this;
    numbers[ROUND_SENT] = clock.nowUs;
    numbers[ROUND_ACKED] = 0;
    numbers[ROUND_LOST] = 0;
    numbers[ROUND_BYTES] = 0;
    this.refused = false;
  }

  /** Now and then, and when delay or loss cannot be explained, less is sent for a moment to see what changes. */
  private serviceDrain(clock: Clock): void {
    const { numbers, delay } = this;
    const { nowUs } = clock;
    if (this.draining) {
      if (numbers[ACKED_AT] <= numbers[DRAIN_FROM]) numbers[DRAIN_BEFORE] = delay.standingUs;
      else if (delay.latestUs < numbers[DRAIN_LEAST]) numbers[DRAIN_LEAST] = delay.latestUs;
      if (numbers[ACKED_AT] >= numbers[DRAIN_UNTIL] + 2 * ACK_US) this.judgeDrain(clock);
      return;
    }
    const standing = delay.standingUs;
    const due =
      (standing > numbers[TARGET] / 4 || delay.raisedUs > DRAIN_TELLS_US) && nowUs - numbers[EMPTY_AT] > DRAIN_EVERY_US;
    const unsure = this.unmoved > 0 && nowUs > numbers[DRAIN_UNTIL] + 2 * numbers[PIPE] + AGAIN_US;
    const lossy = numbers[LOSS] > numbers[RANDOM_LOSS] + LOSS_MARGIN && nowUs > numbers[DRAIN_UNTIL] + RESPONSE_US;
    if (this.competing ? nowUs < numbers[COMPETE_CHECK_AT] : !(due || lossy || unsure)) return;
    this.expectQueue(clock);
    // What we sent too much is still on its way: it will tell nothing.
    if (Math.abs(numbers[EXPECTED] - standing) > 5_000 + 0.3 * standing && !this.competing) return;
    this.draining = true;
    this.found = true;
    numbers[DRAIN_FROM] = nowUs;
    // Single packets must not decide.
    const lessUs = Math.max(DRAIN_DEPTH * standing + delay.raisedUs + 2_000, (2 * PACKET_BYTES) / numbers[CAPACITY]);
    numbers[DRAIN_UNTIL] = nowUs + Math.min(DRAIN_MAX_US, Math.max(30_000, lessUs / (1 - DRAIN_SHARE)));
    numbers[DRAIN_TO] = Math.min(DRAIN_SHARE, Math.max(0.5, 1 - lessUs / DRAIN_MAX_US));
    if (this.competing) {
      numbers[DRAIN_UNTIL] = nowUs + COMPETE_PAUSE_US;
      numbers[DRAIN_TO] = 0;
    }
    numbers[DRAIN_ACKED] = 0;
    numbers[DRAIN_LOST] = 0;
    numbers[DRAIN_LEAST] = Number.POSITIVE_INFINITY;
    numbers[DRAIN_BEFORE] = standing;
    numbers[DRAIN_LOSS] = numbers[LOSS];
    numbers[DRAIN_SENT] = 0;
    numbers[DRAIN_CAPACITY] = numbers[CAPACITY];
  }

  private judgeDrain(clock: Clock): void {
    const { numbers } = this;
    this.draining = false;
    numbers[EMPTY_AT] = clock.nowUs;
    const before = numbers[DRAIN_BEFORE];
    const lengthUs = numbers[DRAIN_UNTIL] - numbers[DRAIN_FROM];
    const expected = Math.min(before, lengthUs - numbers[DRAIN_SENT] / numbers[DRAIN_CAPACITY]);
    const tells = expected > DRAIN_TELLS_US && expected > PACKET_BYTES / numbers[DRAIN_CAPACITY];
    const share = (before - numbers[DRAIN_LEAST]) / expected;
    if (this.competing) {
      numbers[COMPETE_CHECK_AT] = clock.nowUs + COMPETE_CHECK_US;
      if (!tells || share < 0.75) this.unmoved = 0;
      else if (++this.unmoved >= 2) this.stopCompeting(clock);
      else numbers[COMPETE_CHECK_AT] = clock.nowUs + COMPETE_AGAIN_US;
      return;
    }
    if (!tells || before <= numbers[TARGET] / 2 || share >= 0.3) this.unmoved = 0;
    else if (++this.unmoved >= 2) this.giveIn(clock);
    const seen = numbers[DRAIN_ACKED] + numbers[DRAIN_LOST];
    if (seen < 10) return;
    const loss = numbers[DRAIN_LOST] / seen;
    numbers[RANDOM_LOSS] += (loss - numbers[RANDOM_LOSS]) * Math.min(0.5, seen / 300);
    if (numbers[DRAIN_LOSS] > numbers[RANDOM_LOSS] + LOSS_MARGIN) {
      // Less load, less loss: a buffer too small for the target, or none.
      numbers[CAPACITY] *= 1 - Math.min(0.3, numbers[DRAIN_LOSS] - numbers[RANDOM_LOSS]);
      if (before > TARGET_LEAST_US) numbers[TARGET_CAP] = Math.max(TARGET_LEAST_US, 0.6 * before);
    } else numbers[TARGET_CAP] *= 1.25;
  }

  private control(clock: Clock): void {
    const { numbers, delay, rate } = this;
    const standing = delay.standingUs;
    const target = numbers[TARGET];
    if (this.competing) {
      const isLess = this.draining && clock.nowUs < numbers[DRAIN_UNTIL];
      numbers[PACE] = isLess ? numbers[CAPACITY] * numbers[DRAIN_TO] : numbers[CAPACITY];
      this.pace(clock);
      return;
    }
    const probing = numbers[GAIN] >= 0.25 && standing < target + this.allowanceUs;
    if (standing < target / 2 || probing) {
      const share = this.draining && clock.nowUs < numbers[DRAIN_UNTIL] ? numbers[DRAIN_TO] : 1 + numbers[GAIN];
      numbers[PACE] = numbers[CAPACITY] * share;
      this.pace(clock);
      return;
    }
    const spanUs = Math.max(RATE_SPAN_US, Math.min(6 * RATE_SPAN_US, 8 * delay.jitterUs));
    if (rate.measure(spanUs, RATE_PACKETS * PACKET_BYTES, true)) {
      const capacity = rate.bytesPerUs + rate.lostPerUs * this.innocence;
      const isFull = standing > target + this.allowanceUs;
      if (capacity > numbers[CAPACITY] || isFull) {
        const step = capacity < 0.7 * numbers[CAPACITY] ? 1 : 0.3;
        numbers[CAPACITY] += (capacity - numbers[CAPACITY]) * step;
      }
    }
    this.expectQueue(clock);
    const tau = Math.max(50_000, numbers[PIPE]);
    let share = Math.max(0.1, 1 + (target - numbers[EXPECTED]) / tau);
    if (this.draining && clock.nowUs < numbers[DRAIN_UNTIL] && share > numbers[DRAIN_TO]) share = numbers[DRAIN_TO];
    numbers[PACE] = numbers[CAPACITY] * share;
    this.pace(clock);
  }
}
