/** When the next datagram may go: a token bucket in time, and a window of bytes in flight. Asked for every packet. */
import type { Clock, Earliest } from '../clock.js';
import {
  BURST_US,
  CREDIT_US,
  MIN_RATE_BPS,
  MIN_WINDOW_BYTES,
  OVERDRAFT_BPS,
  OVERDRAFT_SHARE,
  OVERDRAFT_US,
  PACKET_BYTES,
  PROBE_US,
  UNLOADED_US,
} from './constants.js';

const TURN = 0; // when all that was sent would have left at the pacing rate
const US_PER_BYTE = 1;
const BURST = 2;
const IN_FLIGHT = 3;
const WINDOW = 4;
const PROBE_AT = 5; // nothing was heard until then: a little more than the window may go
const PATIENCE = 6;
const URGENT_TURN = 7; // as TURN, of what was overdrawn
const URGENT_US_PER_BYTE = 8;
const RATE = 9; // bytes per microsecond
const CAPACITY = 10;
const REACH = 11;
const CREDIT = 12; // bytes that may go beside the rate
const CREDIT_UNTIL = 13;
const REFUSED_AT = 14; // when something last had to wait
const SENT_AT = 15;
const LOADED_AT = 16;
const NUMBERS = 17;

/**
 * The bucket is kept as the time at which it is empty (GCRA, ITU-T I.371): sending is allowed while that is less than a
 * burst ahead. A timer that is late by less than a burst costs no rate.
 */
export class Pacer {
  /** Something had to wait since {@link restart}. */
  refused = false;
  private readonly numbers = new Float64Array(NUMBERS);

  /** To be paced at from the next {@link apply} on, bytes per microsecond. */
  set rate(value: number) {
    this.numbers[RATE] = value;
  }
  get rate(): number {
    return this.numbers[RATE];
  }
  /** What the path is thought to carry, bytes per microsecond. */
  set capacity(value: number) {
    this.numbers[CAPACITY] = value;
  }
  /** How many microseconds of the rate may be in flight. */
  set reachUs(value: number) {
    this.numbers[REACH] = value;
  }
  /** Silence after which the window no longer holds, microseconds. */
  set patienceUs(value: number) {
    this.numbers[PATIENCE] = value;
  }
  get inFlightBytes(): number {
    return this.numbers[IN_FLIGHT];
  }
  get windowBytes(): number {
    return this.numbers[WINDOW];
  }

  /** Since when the path has been given all that it takes. */
  get loadedAtUs(): number {
    return this.numbers[LOADED_AT];
  }

  /** Empty and unknown. */
  forget(): void {
    this.numbers.fill(0);
    this.numbers[TURN] = Number.NEGATIVE_INFINITY;
    this.numbers[URGENT_TURN] = Number.NEGATIVE_INFINITY;
    this.numbers[PROBE_AT] = Number.POSITIVE_INFINITY;
    this.refused = false;
  }

  maySend(bytes: number, clock: Clock): boolean {
    if (this.hasRoom(bytes, clock)) return true;
    this.refused = true;
    this.numbers[REFUSED_AT] = clock.nowUs;
    return false;
  }

  /** As {@link maySend}, without a trace when it refuses. */
  hasRoom(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    if (numbers[TURN] - clock.nowUs >= numbers[BURST]) return false;
    if (numbers[IN_FLIGHT] + bytes <= numbers[WINDOW]) return true;
    if (clock.nowUs < numbers[PROBE_AT]) return false;
    this.widen(clock);
    return true;
  }

  mayOverdraw(bytes: number, clock: Clock): boolean {
    const { numbers } = this;
    if (numbers[URGENT_TURN] - clock.nowUs >= OVERDRAFT_US) return false;
    return clock.nowUs < numbers[PROBE_AT] || numbers[IN_FLIGHT] + bytes <= numbers[WINDOW];
  }

  sent(bytes: number, clock: Clock): void {
    const { numbers } = this;
    const { nowUs } = clock;
    if (nowUs - numbers[SENT_AT] > UNLOADED_US && nowUs - numbers[REFUSED_AT] > UNLOADED_US) numbers[LOADED_AT] = nowUs;
    numbers[SENT_AT] = nowUs;
    if (numbers[IN_FLIGHT] === 0) numbers[PROBE_AT] = nowUs + numbers[PATIENCE];
    if (numbers[TURN] - nowUs >= numbers[BURST] || numbers[IN_FLIGHT] + bytes > numbers[WINDOW]) {
      const urgent = numbers[URGENT_TURN] > nowUs ? numbers[URGENT_TURN] : nowUs;
      numbers[URGENT_TURN] = urgent + bytes * numbers[URGENT_US_PER_BYTE];
    }
    numbers[IN_FLIGHT] += bytes;
    if (numbers[CREDIT] >= bytes && nowUs < numbers[CREDIT_UNTIL]) {
      numbers[CREDIT] -= bytes;
      return;
    }
    const turn = numbers[TURN] > nowUs ? numbers[TURN] : nowUs;
    numbers[TURN] = turn + bytes * numbers[US_PER_BYTE];
  }

  /** So many bytes will not be heard of any more. */
  writeOff(bytes: number): void {
    const { numbers } = this;
    numbers[IN_FLIGHT] = bytes < numbers[IN_FLIGHT] ? numbers[IN_FLIGHT] - bytes : 0;
  }

  /** So many bytes arrived or are lost; something was heard. */
  settle(bytes: number, clock: Clock): void {
    const { numbers } = this;
    numbers[IN_FLIGHT] = bytes < numbers[IN_FLIGHT] ? numbers[IN_FLIGHT] - bytes : 0;
    numbers[PROBE_AT] = clock.nowUs + numbers[PATIENCE];
  }

  noteDeadline(earliest: Earliest): void {
    const { numbers } = this;
    const turn = numbers[TURN] - numbers[BURST] / 2;
    const isFull = numbers[IN_FLIGHT] + PACKET_BYTES > numbers[WINDOW];
    earliest.note(isFull && numbers[PROBE_AT] > turn ? numbers[PROBE_AT] : turn);
  }

  waitUs(clock: Clock): number {
    const wait = this.numbers[TURN] - this.numbers[BURST] - clock.nowUs;
    return wait > 0 ? wait : 0;
  }

  /** So many bytes may go at once, whatever went before; if they do not within 20 ms, as the rate allows. */
  allow(bytes: number, clock: Clock): void {
    if (bytes <= 0) return;
    const { numbers } = this;
    numbers[WINDOW] = Math.max(numbers[WINDOW], numbers[IN_FLIGHT] + bytes);
    numbers[TURN] = Math.min(numbers[TURN], clock.nowUs);
    numbers[CREDIT] = bytes;
    numbers[CREDIT_UNTIL] = clock.nowUs + CREDIT_US;
  }

  /** {@link rate}, {@link capacity} and {@link reachUs} come into force; what is owed is owed in bytes. */
  apply(clock: Clock): void {
    const { numbers } = this;
    const rate = Math.max(MIN_RATE_BPS / 8e6, numbers[RATE]);
    const owedUs = numbers[TURN] - clock.nowUs;
    if (owedUs > 0) numbers[TURN] = clock.nowUs + owedUs / (rate * numbers[US_PER_BYTE]);
    numbers[US_PER_BYTE] = 1 / rate;
    numbers[BURST] = Math.max(BURST_US, PACKET_BYTES / rate);
    numbers[WINDOW] = Math.max(MIN_WINDOW_BYTES, numbers[REACH] * Math.max(rate, numbers[CAPACITY]));
    numbers[URGENT_US_PER_BYTE] = 1 / Math.max(OVERDRAFT_SHARE * numbers[CAPACITY], OVERDRAFT_BPS / 8e6);
  }

  /** Everything in flight may be lost, and nothing would ever say so. */
  private widen(clock: Clock): void {
    const { numbers } = this;
    numbers[WINDOW] = numbers[IN_FLIGHT] + Math.max(2 * PACKET_BYTES, PROBE_US * numbers[CAPACITY]);
    numbers[PROBE_AT] = clock.nowUs + numbers[PATIENCE];
  }
}
