/**
 * How much a path carries in one direction, and when the next datagram may go: capacity is found by the rate at which
 * datagrams arrive and by the growth of their one-way delay, nothing is configured. docs/decisions/0016 says why so.
 *
 * - *Capacity* is what arrives, by the receiver's clock, while a queue stands; without a queue it is the most that arrived,
 *   and more is tried once a round.
 * - *Queue*: a few milliseconds are kept standing, so that the link never idles and a lower capacity shows at once. What
 *   the next datagram will find is computed from what is in flight, so the control waits for no round trip.
 * - *Drains*, now and then, tell the base of the delay, and whether queue and losses are ours.
 * - *Competing*: where they are not, the delay no longer counts.
 */
import { Clock, type Earliest } from '../clock.js';
import type { AckReport } from './ack-report.js';
import type { CongestionStatus } from './congestion-status.js';
import {
  ACK_US,
  AGAIN_US,
  BURST_FASTER,
  BURST_TELLS_US,
  CHANGE_GAIN,
  COMPETE_AFTER_PIPES,
  COMPETE_AGAIN_US,
  COMPETE_CHECK_US,
  COMPETE_DOWN,
  COMPETE_END_ROUNDS,
  COMPETE_END_US,
  COMPETE_RAISED_US,
  COMPETE_UP,
  CONTROL_US,
  DISCOVERY_SPAN_US,
  DRAIN_EVERY_US,
  DRAIN_MAX_US,
  DRAIN_TELLS_US,
  FIRST_PIPE_US,
  FIRST_RATE_BPS,
  IDLE_HALF_LIFE_US,
  IDLE_KEPT_US,
  LEARN_PACKETS,
  LOSS_MARGIN,
  OVERFLOW_TARGETS,
  PACKET_BYTES,
  PAUSE_US,
  PEAK_MEMORY_US,
  PROBE_MARGIN_US,
  RATE_PACKETS,
  RATE_SPAN_US,
  RESPONSE_US,
  SEARCH_GAIN,
  SEARCH_QUEUE_US,
  STALL_DEVIATIONS,
  STALL_PACKETS,
  STALL_US,
  STUBBORN_CHANGE,
  STUBBORN_ROUNDS,
  TARGET_BASE_US,
  TARGET_CHANGE,
  TARGET_LEAST_US,
  TARGET_MAX_US,
  TARGET_MIN_US,
  TARGET_REFERENCE,
  TARGET_SLOPE_US,
} from './constants.js';
import { DeliveredRate } from './delivered-rate.js';
import { Drain } from './drain.js';
import { Losses } from './losses.js';
import { Pacer } from './pacer.js';
import { QueueDelay } from './queue-delay.js';
import { ShownLimit } from './shown-limit.js';
import { Stillness } from './stillness.js';

// Places in `numbers`. Rates are in bytes per microsecond.
const CAPACITY = 0;
const DELIVERED = 1; // of the last round
const PEAK = 2; // most that was carried in the last seconds
const CHANGE = 3; // mean share by which less arrives than in the round before
const GAIN = 4; // growth this round
const PIPE = 5;
const PIPE_VAR = 6;
const TARGET = 7;
const TARGET_CAP = 8;
const ACKED_AT = 9; // when the newest datagram was sent that arrived
const SENT_AT = 10;
const ROUND_SENT = 11; // a round begins with what is sent from here on
const LAST_ACKED_AT = 12; // at the end of the last round, as the next two
const LAST_QUEUE = 13;
const LAST_CAPACITY = 14;
const EMPTY_AT = 15; // when the base was last seen
const CHECK_AT = 16; // next drain while competing
const EXPECTED = 17; // queue that the next datagram will find
const ALLOWANCE = 18; // what jitter may add to the standing queue
const SIZE = 19; // mean size of what is acknowledged
const STUBBORN_AT = 20; // since when the queue does not shrink
const BURST_AT = 21; // when an announced burst was let out
const RESUMED_AT = 22; // when announced traffic began after a pause; Infinity once it arrives
const NUMBERS = 23;

/** Of a path that was not used yet. */
const NEVER = new Clock();

/**
 * One per path and direction of sending; lives as long as the path, through changes of keys. All times are those of
 * the clock handed in, all methods but {@link status} allocate nothing. Asked per packet:
 *
 *     if (congestion.maySend(bytes, clock)) { ...send...; congestion.sent(bytes, clock); }
 *
 * What is sent without asking (probes, control) is told with {@link sent} too if it will be acknowledged; otherwise
 * {@link inFlightBytes} would be wrong.
 */
export class PathCongestion {
  private readonly numbers = new Float64Array(NUMBERS);
  private readonly pacer = new Pacer();
  private readonly delay = new QueueDelay();
  private readonly rate = new DeliveredRate();
  private readonly losses = new Losses();
  private readonly drain = new Drain();
  private readonly shown = new ShownLimit();
  /** Competing. */
  private readonly stillness = new Stillness();
  /** What was sent last is of a stream that takes what it gets: between its bursts other paths carry it. */
  isElastic = false;
  /** A limit has been seen. */
  private found = false;
  private competing = false;
  /** Competing, and just reduced: what was sent before may be lost, too. */
  private excused = false;
  /** Competing: rounds in a row with next to no queue. */
  private calm = 0;
  /** Rounds in a row in which a queue did not shrink that should have. */
  private stubborn = 0;
  /** Drains in a row that did not change the delay; while competing, that did. */
  private verdicts = 0;

  constructor() {
    this.forget(NEVER);
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
    return this.pacer.inFlightBytes;
  }
  get windowBytes(): number {
    return this.pacer.windowBytes;
  }
  /** Standing queue on the path: what the one-way delay does not fall below for 40 ms, above its base. */
  get queueUs(): number {
    return this.delay.standingUs;
  }
  /** Mean share by which less arrives than in the round before: 0 on a link of constant rate, 0.05 to 0.1 on radio. */
  get change(): number {
    return this.numbers[CHANGE];
  }
  /** Base of the one-way delay: difference of two unrelated clocks, modulo 2^32; comparable between the paths of a peer. */
  get baseDelayUs(): number {
    return this.delay.baseTransitUs;
  }
  /** Nothing has shown yet where the limit of the path is: {@link rateBps} is no more than what it has carried. */
  get isDiscovering(): boolean {
    return !this.found;
  }

  /** The most that it takes, bit/s: Infinity while all that it was given went without a queue, see {@link ShownLimit}. */
  get limitBps(): number {
    const capacity = this.numbers[CAPACITY];
    if (!this.found) return Number.POSITIVE_INFINITY;
    return (this.competing || this.isStanding ? capacity : this.shown.above(capacity)) * 8e6;
  }

  /**
   * Whether a datagram of so many bytes may go now. To be asked only when there is one: a refusal counts as a sign that
   * the path limits what is sent.
   */
  maySend(bytes: number, clock: Clock): boolean {
    return this.pacer.maySend(bytes, clock);
  }

  /**
   * Whether an urgent datagram may go although {@link maySend} refuses: a quarter of the capacity, at least 128 kbit/s,
   * may go so, 20 ms of it at once; only within the window when nothing is heard from the peer.
   */
  mayOverdraw(bytes: number, clock: Clock): boolean {
    return this.pacer.mayOverdraw(bytes, clock);
  }

  /** A datagram went out. */
  sent(bytes: number, clock: Clock): void {
    const { numbers } = this;
    if (clock.nowUs - numbers[SENT_AT] > IDLE_KEPT_US) this.wake(clock);
    numbers[SENT_AT] = clock.nowUs;
    this.pacer.sent(bytes, clock);
    if (this.drain.isRunning) this.drain.sent(bytes, clock);
  }

  /** Notes when {@link maySend} may turn true by time alone: the pacer's turn, or a probe of a full window that is silent. */
  noteDeadline(earliest: Earliest): void {
    this.pacer.noteDeadline(earliest);
  }

  /** How long a datagram handed over now waits for the pacer, microseconds; 0: goes at once, unless the window is full. */
  waitUs(clock: Clock): number {
    return this.pacer.waitUs(clock);
  }

  /**
   * Nothing is left to send: what arrives from now on is no measure of the path, until {@link maySend} refuses again. Of
   * no effect while there is no room.
   */
  limitedByApplication(clock: Clock): void {
    if (this.pacer.refused && this.pacer.hasRoom(PACKET_BYTES, clock)) this.pacer.refused = false;
  }

  /**
   * Traffic of about this rate moves here now: starts at this rate if less is known of the path, and lets `burstBytes`
   * out at once. Backs off within a round trip when a queue grows.
   */
  expect(rateBps: number, burstBytes: number, clock: Clock): void {
    const { numbers } = this;
    if (clock.nowUs - numbers[SENT_AT] > PAUSE_US) numbers[RESUMED_AT] = clock.nowUs;
    numbers[SENT_AT] = clock.nowUs;
    if (rateBps / 8e6 > numbers[CAPACITY]) {
      numbers[CAPACITY] = rateBps / 8e6;
      this.pacer.rate = numbers[CAPACITY];
      this.apply(clock);
    }
    if (burstBytes > 0) numbers[BURST_AT] = clock.nowUs;
    this.pacer.allow(burstBytes, clock);
  }

  /** So much of what was sent will not be heard of any more, and says nothing: the keys that it went out under are gone. */
  writeOff(bytes: number): void {
    this.pacer.writeOff(bytes);
  }

  /** Another address, or the path was down: nothing that was known counts any more, and nothing is in flight. */
  forget(clock: Clock): void {
    const { numbers } = this;
    numbers.fill(0);
    numbers[CAPACITY] = FIRST_RATE_BPS / 8e6;
    numbers[PIPE] = FIRST_PIPE_US;
    numbers[TARGET_CAP] = Number.POSITIVE_INFINITY;
    numbers[SENT_AT] = Number.POSITIVE_INFINITY;
    numbers[BURST_AT] = Number.NEGATIVE_INFINITY;
    numbers[RESUMED_AT] = Number.POSITIVE_INFINITY;
    numbers[GAIN] = 1;
    this.found = false;
    this.competing = false;
    this.excused = false;
    this.stubborn = 0;
    this.verdicts = 0;
    this.pacer.forget();
    this.delay.forget();
    this.rate.forget();
    this.losses.forget();
    this.drain.forget();
    this.shown.forget();
    this.updateTarget();
    this.pacer.rate = numbers[CAPACITY];
    this.apply(clock);
  }

  /** Takes in an acknowledgement; see {@link AckReport}. */
  acknowledged(report: AckReport, clock: Clock): void {
    const { numbers, delay, rate, losses, drain } = this;
    this.pacer.settle(report.ackedBytes + report.lostBytes, clock);
    losses.count(report, delay.latestUs);
    rate.countLost(report);
    // What an acknowledgement of the keys before tells may be older.
    if (report.largestSentAtUs < 0 || report.largestSentAtUs < numbers[ACKED_AT]) return;
    const apartUs = report.largestSentAtUs - numbers[ACKED_AT];
    numbers[ACKED_AT] = report.largestSentAtUs;
    const usualUs = Math.max(STALL_DEVIATIONS * delay.jitterUs, (STALL_PACKETS * PACKET_BYTES) / numbers[CAPACITY]);
    // Until a limit has shown, nothing is known of what is usual.
    rate.longestUs = this.found ? apartUs + Math.max(STALL_US, usualUs) : Number.POSITIVE_INFINITY;
    rate.note(report);
    if (report.largestSentAtUs >= numbers[RESUMED_AT]) {
      rate.mark();
      numbers[RESUMED_AT] = Number.POSITIVE_INFINITY;
    }
    delay.usPerByte = 1 / numbers[CAPACITY];
    // A queue that stands for long would pass for the base.
    delay.keepsBase = this.competing || delay.standingUs > 2 * numbers[TARGET] + numbers[ALLOWANCE];
    delay.note(report, clock);
    numbers[ALLOWANCE] = Math.min(10_000, 2 * delay.jitterUs);
    if (delay.latestUs < numbers[TARGET] / 8) rate.mark();
    if (delay.latestUs < numbers[TARGET] / 4 && delay.raisedUs < DRAIN_TELLS_US) numbers[EMPTY_AT] = clock.nowUs;
    if (report.rttUs > 0) this.notePipe(report);
    if (report.ackedPackets > 0) numbers[SIZE] += (report.ackedBytes / report.ackedPackets - numbers[SIZE]) / 4;
    this.updateTarget();
    if (numbers[ACKED_AT] >= numbers[ROUND_SENT] + this.roundUs) this.judgeRound(clock);
    if (!drain.isRunning) this.considerDrain(clock);
    else if (drain.observe(report, delay)) this.judgeDrain(clock);
    this.control(clock);
  }

  status(): CongestionStatus {
    const { numbers } = this;
    return {
      phase: this.drain.isRunning ? 'drain' : this.competing ? 'compete' : this.isStanding ? 'steady' : 'search',
      pacingBps: this.pacer.rate * 8e6,
      rateBps: this.rateBps,
      deliveredBps: this.deliveredBps,
      windowBytes: this.windowBytes,
      inFlightBytes: this.inFlightBytes,
      queueUs: this.queueUs,
      targetUs: numbers[TARGET],
      lossRatio: this.losses.randomRatio,
      pipeUs: numbers[PIPE],
    };
  }

  private get isStanding(): boolean {
    return this.delay.standingUs >= this.numbers[TARGET] / 2;
  }

  /** After a pause: what was known fades. */
  private wake(clock: Clock): void {
    const { numbers } = this;
    const kept = 0.5 ** ((clock.nowUs - numbers[SENT_AT] - IDLE_KEPT_US) / IDLE_HALF_LIFE_US);
    const first = FIRST_RATE_BPS / 8e6;
    if (numbers[CAPACITY] > first) numbers[CAPACITY] = Math.max(first, numbers[CAPACITY] * kept);
    numbers[GAIN] = 0.5;
    numbers[ROUND_SENT] = clock.nowUs;
    this.rate.mark();
    this.pacer.rate = numbers[CAPACITY];
    this.apply(clock);
  }

  /** The pacer's rate comes into force, and a window that holds what acknowledgements and jitter of the way back need. */
  private apply(clock: Clock): void {
    const { numbers, pacer, delay } = this;
    const reachUs = numbers[PIPE] + 4 * numbers[PIPE_VAR] + 3 * ACK_US + numbers[TARGET];
    pacer.capacity = numbers[CAPACITY];
    pacer.reachUs = this.competing ? reachUs + delay.standingUs : reachUs;
    pacer.patienceUs = reachUs + PROBE_MARGIN_US + delay.standingUs;
    pacer.apply(clock);
  }

  private notePipe(report: AckReport): void {
    const { numbers } = this;
    const sample = Math.max(0, report.rttUs - Math.max(0, this.delay.latestUs));
    const off = sample - numbers[PIPE];
    numbers[PIPE_VAR] += (Math.abs(off) - numbers[PIPE_VAR]) / 16;
    numbers[PIPE] += off / (numbers[DELIVERED] === 0 ? 1 : 8);
  }

  /** The more a sender has, the less queue it wants: so two on one link come to equal shares. */
  private updateTarget(): void {
    const { numbers } = this;
    const packetUs = Math.min(PACKET_BYTES / numbers[CAPACITY], 50_000);
    const law = TARGET_BASE_US + TARGET_SLOPE_US * Math.log2(TARGET_REFERENCE / numbers[CAPACITY]);
    const still = Math.min(TARGET_MAX_US, Math.max(TARGET_MIN_US, law));
    const target = Math.max(packetUs, still * (1 + TARGET_CHANGE * numbers[CHANGE]));
    numbers[TARGET] = Math.min(target, numbers[TARGET_CAP]);
  }

  /** Least time of a round. From the first rate to 5 Gbit/s are twelve doublings, which need not take 25 ms each on a short path. */
  private get roundUs(): number {
    return this.found ? RATE_SPAN_US : Math.min(RATE_SPAN_US, Math.max(DISCOVERY_SPAN_US, this.numbers[PIPE]));
  }

  /** Once a round trip: does more arrive when more is sent? */
  private judgeRound(clock: Clock): void {
    const { numbers, rate, losses, delay, pacer } = this;
    const spanUs = numbers[ACKED_AT] - numbers[ROUND_SENT];
    rate.spanUs = Math.min(spanUs, Math.max(2 * RATE_SPAN_US, 8 * delay.jitterUs));
    if (!rate.measure(RATE_PACKETS * PACKET_BYTES, false)) {
      if (spanUs >= 1_000_000) this.beginRound(clock);
      return;
    }
    const before = numbers[DELIVERED];
    const delivered = rate.bytesPerUs;
    const sustained = delivered + Math.min(rate.lostPerUs * losses.innocence, delivered);
    numbers[DELIVERED] = delivered;
    const isLoaded = !this.isElastic || numbers[LAST_ACKED_AT] - rate.spanUs > pacer.loadedAtUs;
    if (before > 0 && isLoaded && pacer.refused && !this.drain.isRunning && delay.standingUs < numbers[TARGET]) {
      numbers[CHANGE] += (Math.max(0, 1 - delivered / before) - numbers[CHANGE]) / 16;
    }
    const elapsedUs = clock.nowUs - numbers[ROUND_SENT];
    if (sustained > numbers[PEAK]) numbers[PEAK] = sustained;
    else if (!this.competing) numbers[PEAK] *= 1 - Math.min(1, elapsedUs / PEAK_MEMORY_US);
    if (this.competing) this.compete(elapsedUs, 1.5 * Math.max(before, sustained), clock);
    else {
      const hasGrown = delivered >= before * (1 + numbers[GAIN] / 2);
      this.judgeDelay(hasGrown, clock);
      this.search(hasGrown, isLoaded, sustained);
    }
    this.shown.note(this.competing || this.isStanding ? Math.min(numbers[CAPACITY], sustained) : 0, clock.nowUs);
    this.beginRound(clock);
  }

  private beginRound(clock: Clock): void {
    this.numbers[ROUND_SENT] = clock.nowUs;
    this.losses.endRound();
    this.pacer.refused = false;
  }

  /** Grows faster while it works: from a few percent a round, as much as a queue would show within one, up to doubling. */
  private search(hasGrown: boolean, isLoaded: boolean, sustained: number): void {
    const { numbers, losses } = this;
    const least = Math.min(
      SEARCH_GAIN,
      Math.max(0.01, SEARCH_QUEUE_US / (numbers[PIPE] + 30_000), CHANGE_GAIN * numbers[CHANGE]),
    );
    if (this.isStanding) {
      this.found = true;
      numbers[GAIN] = Math.max(least, numbers[GAIN] / 4);
      return;
    }
    if (sustained > numbers[CAPACITY]) numbers[CAPACITY] = sustained;
    if (!this.pacer.refused || this.drain.isRunning) return;
    // Between bursts as much arrives as was sent: that tells nothing about the link, known as it is.
    if (this.found && !isLoaded) return;
    if (numbers[ACKED_AT] < numbers[BURST_AT] + BURST_TELLS_US && sustained > BURST_FASTER * this.pacer.rate) {
      // The burst went out faster than it was paced, and so it arrived: that is what the link carries, not more.
      numbers[GAIN] = least;
      return;
    }
    numbers[GAIN] = hasGrown ? Math.min(1, 2 * numbers[GAIN]) : Math.max(least, numbers[GAIN] / 2);
    if (hasGrown && losses.roundPackets >= LEARN_PACKETS) losses.learn(losses.roundRatio, losses.roundPackets);
  }

  /** Whether the delay that stands is for lack of capacity, as the last round shows it. */
  private judgeDelay(hasGrown: boolean, clock: Clock): void {
    const { numbers, delay, losses } = this;
    const most = numbers[TARGET] + numbers[ALLOWANCE];
    // All of what we add arrives, at once.
    const hasSearched = numbers[LAST_CAPACITY] > 0 && numbers[GAIN] >= SEARCH_GAIN && this.pacer.refused;
    if (hasGrown && hasSearched && delay.standingUs < most) delay.raiseBase(delay.standingUs);
    // Far less was sent than the path carried: what should the queue have shrunk by? What is left of us is no measure.
    const capacity = Math.max(numbers[LAST_CAPACITY], numbers[PEAK] / 10);
    const expected = numbers[ACKED_AT] - numbers[LAST_ACKED_AT] - losses.roundBytes / capacity;
    const packetUs = PACKET_BYTES / Math.max(numbers[PEAK], numbers[CAPACITY]);
    if (numbers[LAST_QUEUE] <= most || expected < DRAIN_TELLS_US || expected < packetUs) this.stubborn = 0;
    else if (numbers[LAST_QUEUE] - delay.standingUs <= expected / 4) {
      if (this.stubborn++ === 0) numbers[STUBBORN_AT] = clock.nowUs;
    } else if (this.stubborn > 0) this.stubborn--;
    if (this.stubborn >= STUBBORN_ROUNDS + STUBBORN_CHANGE * numbers[CHANGE]) this.giveIn(clock);
    numbers[LAST_ACKED_AT] = numbers[ACKED_AT];
    numbers[LAST_QUEUE] = delay.standingUs;
    numbers[LAST_CAPACITY] = numbers[CAPACITY];
  }

  /** What stands is not ours to take away: it is the base from now on, or somebody to compete with. */
  private giveIn(clock: Clock): void {
    const { numbers, delay } = this;
    const isLong = delay.standingUs + delay.raisedUs >= COMPETE_RAISED_US;
    if (isLong && (this.stubborn === 0 || clock.nowUs < numbers[STUBBORN_AT] + COMPETE_AFTER_PIPES * numbers[PIPE]))
      return;
    this.stubborn = 0;
    this.verdicts = 0;
    if (!isLong) {
      delay.raiseBase(delay.standingUs);
      return;
    }
    this.competing = true;
    this.calm = 0;
    this.excused = false;
    this.stillness.begin(delay.standingUs, clock.nowUs);
    numbers[CAPACITY] = Math.max(numbers[CAPACITY], numbers[PEAK] / 10);
    numbers[CHECK_AT] = clock.nowUs + COMPETE_CHECK_US / 4;
  }

  /**
   * Beside a sender that fills the queue until it overflows, only its own measure holds: loss.
   * @param most what arrives, half as much again: more means that the link has become slower
   */
  private compete(elapsedUs: number, most: number, clock: Clock): void {
    const { numbers, delay, losses } = this;
    // Also the other one backs off for a moment, when the queue has overflowed.
    this.calm = delay.standingUs + delay.raisedUs < COMPETE_END_US ? this.calm + 1 : 0;
    if (this.calm >= COMPETE_END_ROUNDS) {
      delay.restoreBase();
      this.stopCompeting(clock);
      return;
    }
    // This is another route.
    if (this.stillness.judge(delay.standingUs, numbers[ALLOWANCE] / 2, clock.nowUs)) {
      delay.raiseBase(delay.standingUs);
      this.stopCompeting(clock);
      return;
    }
    if (losses.roundRatio > losses.randomRatio + LOSS_MARGIN / 4) {
      if (!this.excused) numbers[CAPACITY] *= COMPETE_DOWN;
      this.excused = !this.excused;
    } else if (this.pacer.refused) {
      const haste = numbers[CAPACITY] < numbers[PEAK] / 3 ? 2 : 1;
      numbers[CAPACITY] += haste * COMPETE_UP * numbers[PEAK] * (elapsedUs / 1e6);
    }
    numbers[CAPACITY] = Math.min(numbers[CAPACITY], Math.max(most, numbers[PEAK] / 4));
  }

  private stopCompeting(clock: Clock): void {
    this.competing = false;
    this.verdicts = 0;
    this.numbers[EMPTY_AT] = clock.nowUs;
  }

  /** Now and then, and when delay or loss cannot be explained. */
  private considerDrain(clock: Clock): void {
    const { numbers, delay, drain, losses } = this;
    const { nowUs } = clock;
    const standing = delay.standingUs;
    if (this.competing) {
      if (nowUs >= numbers[CHECK_AT]) drain.begin(delay, numbers[CAPACITY], losses.ratio, true, clock);
      return;
    }
    const hides = standing > numbers[TARGET] / 4 || delay.raisedUs > DRAIN_TELLS_US;
    const sinceUs = Math.min(nowUs - drain.endedUs, hides ? nowUs - numbers[EMPTY_AT] : Number.POSITIVE_INFINITY);
    const isDue = (hides || losses.randomRatio > LOSS_MARGIN) && sinceUs > DRAIN_EVERY_US;
    const isUnsure = this.verdicts > 0 && nowUs > drain.endedUs + 2 * numbers[PIPE] + AGAIN_US;
    const isLossy = losses.ratio > losses.randomRatio + LOSS_MARGIN && nowUs > drain.endedUs + RESPONSE_US;
    if (!isDue && !isUnsure && !isLossy) return;
    this.expectQueue(clock);
    // What we sent too much is still on its way: it will tell nothing.
    if (Math.abs(numbers[EXPECTED] - standing) > 5_000 + 0.3 * Math.min(standing, DRAIN_MAX_US)) return;
    this.found = true;
    drain.begin(delay, numbers[CAPACITY], losses.ratio, false, clock);
  }

  private judgeDrain(clock: Clock): void {
    const { numbers, drain, losses, delay } = this;
    const { response, queueBeforeUs } = drain;
    drain.isRunning = false;
    numbers[EMPTY_AT] = clock.nowUs;
    if (this.competing) {
      this.verdicts = response > 0.8 ? this.verdicts + 1 : 0;
      numbers[CHECK_AT] = clock.nowUs + (this.verdicts > 0 ? COMPETE_AGAIN_US : COMPETE_CHECK_US);
      if (this.verdicts >= 2) {
        // Ours alone, above what the pause has left: another route, or all of it gone.
        delay.raiseBase(Math.max(0, drain.leastUs));
        this.stopCompeting(clock);
      }
      return;
    }
    this.verdicts = response < 0.3 && queueBeforeUs > numbers[TARGET] / 2 ? this.verdicts + 1 : 0;
    if (this.verdicts >= 2) this.giveIn(clock);
    if (drain.packets < 10) return;
    losses.learn(drain.lossRatio, drain.packets);
    const overflowed = losses.takeQueueUs() > OVERFLOW_TARGETS * (numbers[TARGET] + numbers[ALLOWANCE]);
    const excess = drain.lossBefore - losses.randomRatio;
    if (excess > LOSS_MARGIN) {
      // Less load, less loss: a buffer too small for the target, or none.
      numbers[CAPACITY] *= 1 - Math.min(0.3, excess);
      if (!overflowed && queueBeforeUs > TARGET_LEAST_US)
        numbers[TARGET_CAP] = Math.max(TARGET_LEAST_US, 0.6 * queueBeforeUs);
    } else numbers[TARGET_CAP] *= 1.25;
  }

  /** Queue that the next datagram will find: what was measured, and what went out since less what left meanwhile. */
  private expectQueue(clock: Clock): void {
    const { numbers } = this;
    const sinceUs = clock.nowUs - numbers[ACKED_AT];
    // The newest that arrived stood in the queue, too.
    const sentBytes = numbers[SIZE] + this.pacer.inFlightBytes;
    const queue = this.delay.standingUs + sentBytes / numbers[CAPACITY] - sinceUs;
    numbers[EXPECTED] = queue > 0 ? queue : 0;
  }

  private control(clock: Clock): void {
    const { numbers, delay, drain, pacer } = this;
    const standing = delay.standingUs;
    const target = numbers[TARGET];
    let share = 1;
    if (!this.competing) {
      const isSearching = standing < (numbers[GAIN] < SEARCH_GAIN ? target / 2 : target + numbers[ALLOWANCE]);
      if (isSearching) share = 1 + numbers[GAIN];
      else {
        this.follow();
        this.expectQueue(clock);
        share = Math.max(0.1, 1 + (target - numbers[EXPECTED]) / Math.max(CONTROL_US, numbers[PIPE]));
      }
    }
    if (drain.isHolding(clock) && share > drain.share) share = drain.share;
    pacer.rate = numbers[CAPACITY] * share;
    this.apply(clock);
  }

  /** A queue stands: what arrives is what the path carries. */
  private follow(): void {
    const { numbers, delay, rate, losses } = this;
    rate.spanUs = Math.max(RATE_SPAN_US, Math.min(6 * RATE_SPAN_US, 8 * delay.jitterUs));
    if (!rate.measure(RATE_PACKETS * PACKET_BYTES, true)) return;
    const capacity = rate.bytesPerUs + rate.lostPerUs * losses.innocence;
    const before = numbers[CAPACITY];
    // Downward only where the queue is longer than jitter explains; a cliff at once.
    if (capacity < before && delay.standingUs <= numbers[TARGET] + numbers[ALLOWANCE]) return;
    numbers[CAPACITY] += (capacity - before) * (capacity < 0.7 * before ? 1 : 0.3);
  }
}
