/**
 * One direction of an emulated link: rate, queue, loss, delay. A pure model that the simulator and the lab's emulator
 * share: it is offered a packet and answers when it arrives, if it does.
 *
 * Order of events, as on a radio link: drop-tail queue, then the rate, then loss (which has cost its share of the
 * rate), then propagation with jitter. What was offered before a change keeps the time that it was promised.
 */

import type { Random } from './random.js';
import { RateLimiter } from './rate-limiter.js';
import type { DirectionChange, DirectionSpec } from './scenario.js';

/** Why {@link LinkDirection.offer} answered -1. */
export const DROP_NONE = 0;
export const DROP_BLACKOUT = 1;
export const DROP_QUEUE = 2;
export const DROP_LOSS = 3;
export const DROP_TOO_LONG = 4;

/** Indices of {@link LinkDirection.counters}. Delivered ones include no duplicates. */
export const OFFERED_PACKETS = 0;
export const OFFERED_BYTES = 1;
export const DELIVERED_PACKETS = 2;
export const DELIVERED_BYTES = 3;
export const BLACKOUT_DROPS = 4;
export const QUEUE_DROPS = 5;
export const LOSSES = 6;
export const DUPLICATES = 7;
export const REORDERED = 8;
export const TOO_LONG_DROPS = 9;
const COUNTERS = 10;

/** A reordered packet is held back between these two. */
const REORDER_MIN_US = 1_000;
const REORDER_MAX_US = 10_000;
const DUPLICATE_MAX_US = 1_000;

/** Slots of {@link LinkDirection.times}: doubles live in a typed array so that the hot path boxes none. */
const LAST_DELIVERY = 0;
const DUPLICATE_AT = 1;

export class LinkDirection {
  /** See {@link OFFERED_PACKETS} and its neighbours. */
  readonly counters = new Float64Array(COUNTERS);
  /** Why the last packet was dropped, DROP_NONE when it was not. */
  dropReason = DROP_NONE;
  /** Packets vanish in silence while this is set. */
  blackout = false;

  private readonly times = new Float64Array(2);
  private readonly limiter: RateLimiter;
  private readonly random: Random;
  private current: DirectionSpec;
  private delayUs = 0;
  private jitterUs = 0;
  private lossRatio = 0;
  private burstEnter = 0;
  private burstLeave = 1;
  private burstLoss = 0;
  private inBurst = false;
  private reorderRatio = 0;
  /** As offered, thus without `headerBytes`. */
  private longest = Number.POSITIVE_INFINITY;
  private duplicateRatio = 0;

  /**
   * @param random its own generator; equal seeds and equal offers give equal answers.
   * @param originUs time at which traces and rate profiles start.
   * @param headerBytes of IP and UDP that the bytes offered leave out; only `mtuBytes` asks for them.
   * @throws RangeError for a specification that makes no sense.
   */
  constructor(
    spec: DirectionSpec,
    random: Random,
    originUs = 0,
    private readonly headerBytes = 0,
  ) {
    this.random = random;
    this.limiter = new RateLimiter(originUs);
    this.current = spec;
    this.apply(spec);
    this.limiter.configure(spec);
  }

  /** What holds now. */
  get spec(): DirectionSpec {
    return this.current;
  }

  /** Bytes that wait for the rate as of the last offer. */
  get queuedBytes(): number {
    return this.limiter.queuedBytes;
  }

  /** When the last of what was taken arrives that keeps its order, microseconds. */
  get lastDeliveryUs(): number {
    return this.times[LAST_DELIVERY];
  }

  /** Arrival of the second copy of the last packet, microseconds; -1 when there is none. */
  get duplicateAtUs(): number {
    return this.times[DUPLICATE_AT];
  }

  /** Changes parameters from now on. Packets already offered keep their times. @throws RangeError as the constructor. */
  set(change: DirectionChange): void {
    const next = merge(this.current, change);
    this.apply(next);
    if ('rateBps' in change || 'rateProfile' in change || 'traceMs' in change || 'queueBytes' in change) {
      this.limiter.configure(next);
    }
    this.current = next;
  }

  /**
   * Offers a packet of `bytes` at `nowUs`, which never goes back. Answers when it arrives, microseconds, or -1 when
   * it does not; {@link dropReason} then says why. {@link duplicateAtUs} is valid until the next offer.
   */
  offer(nowUs: number, bytes: number): number {
    const { counters, times, random } = this;
    counters[OFFERED_PACKETS]++;
    counters[OFFERED_BYTES] += bytes;
    times[DUPLICATE_AT] = -1;
    if (this.blackout) return this.drop(DROP_BLACKOUT, BLACKOUT_DROPS);
    if (bytes > this.longest) return this.drop(DROP_TOO_LONG, TOO_LONG_DROPS);
    const departedAtUs = this.limiter.admit(nowUs, bytes);
    if (departedAtUs < 0) return this.drop(DROP_QUEUE, QUEUE_DROPS);
    if (this.isLost()) return this.drop(DROP_LOSS, LOSSES);

    let deliverAtUs = departedAtUs + this.delayUs;
    if (this.jitterUs > 0) deliverAtUs += random.next() * this.jitterUs;
    // In order, also when the delay has just become smaller.
    if (deliverAtUs < times[LAST_DELIVERY]) deliverAtUs = times[LAST_DELIVERY];
    if (this.reorderRatio > 0 && random.next() < this.reorderRatio) {
      deliverAtUs += REORDER_MIN_US + random.next() * (REORDER_MAX_US - REORDER_MIN_US);
      counters[REORDERED]++;
    } else {
      times[LAST_DELIVERY] = deliverAtUs;
    }
    if (this.duplicateRatio > 0 && random.next() < this.duplicateRatio) {
      times[DUPLICATE_AT] = deliverAtUs + random.next() * DUPLICATE_MAX_US;
      counters[DUPLICATES]++;
    }
    this.dropReason = DROP_NONE;
    counters[DELIVERED_PACKETS]++;
    counters[DELIVERED_BYTES] += bytes;
    return deliverAtUs;
  }

  private isLost(): boolean {
    const { random } = this;
    if (this.inBurst) {
      if (random.next() < this.burstLeave) this.inBurst = false;
    } else if (this.burstEnter > 0 && random.next() < this.burstEnter) {
      this.inBurst = true;
    }
    if (this.inBurst && random.next() < this.burstLoss) return true;
    return this.lossRatio > 0 && random.next() < this.lossRatio;
  }

  private drop(reason: number, counter: number): number {
    this.dropReason = reason;
    this.counters[counter]++;
    return -1;
  }

  private apply(spec: DirectionSpec): void {
    checkDirection(spec);
    this.delayUs = spec.delayUs;
    this.jitterUs = spec.jitterUs ?? 0;
    this.lossRatio = spec.lossRatio ?? 0;
    this.burstEnter = spec.burst?.enterRatio ?? 0;
    this.burstLeave = spec.burst?.leaveRatio ?? 1;
    this.burstLoss = spec.burst?.lossRatio ?? 0;
    this.reorderRatio = spec.reorderRatio ?? 0;
    this.longest = (spec.mtuBytes ?? Number.POSITIVE_INFINITY) - this.headerBytes;
    this.duplicateRatio = spec.duplicateRatio ?? 0;
  }
}

const RATE_KEYS = ['rateBps', 'rateProfile', 'traceMs'] as const;

/** `spec` with `change` applied: null removes a key, a new kind of rate replaces the old one. */
export function merge(spec: DirectionSpec, change: DirectionChange): DirectionSpec {
  const next: Record<string, unknown> = { ...spec };
  if (RATE_KEYS.some((key) => change[key] != null)) for (const key of RATE_KEYS) delete next[key];
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete next[key];
    else if (value !== undefined) next[key] = value;
  }
  return next as unknown as DirectionSpec;
}

/** @throws RangeError that names the key and what was expected. */
export function checkDirection(spec: DirectionSpec): void {
  atLeast('delayUs', spec.delayUs, 0);
  atLeast('jitterUs', spec.jitterUs ?? 0, 0);
  atLeast('queueBytes', spec.queueBytes ?? 1, 1);
  atLeast('mtuBytes', spec.mtuBytes ?? 1, 1);
  ratio('lossRatio', spec.lossRatio);
  ratio('reorderRatio', spec.reorderRatio);
  ratio('duplicateRatio', spec.duplicateRatio);
  ratio('burst.enterRatio', spec.burst?.enterRatio);
  ratio('burst.leaveRatio', spec.burst?.leaveRatio);
  ratio('burst.lossRatio', spec.burst?.lossRatio);
  if (RATE_KEYS.filter((key) => spec[key] !== undefined).length > 1) {
    throw new RangeError('at most one of rateBps, rateProfile and traceMs was expected');
  }
  if (spec.rateBps !== undefined && !(spec.rateBps > 0)) throw new RangeError('rateBps: a number above 0 was expected');
  if (spec.rateProfile !== undefined) {
    const { stepUs, bps } = spec.rateProfile;
    if (!(stepUs > 0)) throw new RangeError('rateProfile.stepUs: a number above 0 was expected');
    if (!bps.every((rate) => rate >= 0) || !bps.some((rate) => rate > 0)) {
      throw new RangeError('rateProfile.bps: rates of 0 or more, one of them above 0, were expected');
    }
  }
  if (spec.traceMs !== undefined) checkTrace(spec.traceMs);
}

function checkTrace(traceMs: readonly number[]): void {
  if (traceMs.length === 0 || !(traceMs[traceMs.length - 1] > 0)) {
    throw new RangeError('traceMs: at least one opportunity after 0 ms was expected');
  }
  for (let i = 0; i < traceMs.length; i++) {
    if (!(traceMs[i] >= (i === 0 ? 0 : traceMs[i - 1]))) throw new RangeError('traceMs: ascending times were expected');
  }
}

function atLeast(key: string, value: number, smallest: number): void {
  if (!(value >= smallest && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${key}: a number of at least ${smallest} was expected`);
  }
}

function ratio(key: string, value: number | undefined): void {
  if (value !== undefined && !(value >= 0 && value <= 1))
    throw new RangeError(`${key}: a number from 0 to 1 was expected`);
}
