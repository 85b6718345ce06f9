/**
 * A byte-bounded drop-tail queue in front of a rate: constant, stepwise (rate profile), or delivery opportunities of a
 * mahimahi trace. It answers at once when a packet will have left, so no events are needed to serve it.
 */
import type { DirectionSpec } from './scenario.js';

/** Queue of a direction that names none. */
export const DEFAULT_QUEUE_BYTES = 262_144;
/** Bytes of one delivery opportunity of a mahimahi trace. */
const OPPORTUNITY_BYTES = 1500;

const UNLIMITED = 0;
const CONSTANT = 1;
const PROFILE = 2;
const TRACE = 3;

/** Slots of the state array. */
const BUSY_UNTIL = 0; // when the last admitted packet has left
const CYCLE_START = 1; // of the running repetition of the trace

export class RateLimiter {
  /** Bytes admitted that had not left at the last admission. */
  queuedBytes = 0;

  private kind = UNLIMITED;
  private queueLimit = DEFAULT_QUEUE_BYTES;
  private usPerByte = 0;
  private stepUs = 0;
  private profile = new Float64Array(0);
  private trace = new Float64Array(0);
  private periodUs = 0;
  /** Next opportunity of the trace and what is left of it. */
  private cursor = 0;
  private opportunityBytes = 0;
  private readonly state = new Float64Array(2);

  // Packets that have not left yet, a ring: when each leaves and its bytes.
  private leavesAt = new Float64Array(256);
  private bytesOf = new Int32Array(256);
  private head = 0;
  private waiting = 0;

  constructor(private readonly originUs: number) {}

  /** Takes rate and queue limit from a checked specification; packets already admitted keep their times. */
  configure(spec: DirectionSpec): void {
    this.queueLimit = spec.queueBytes ?? DEFAULT_QUEUE_BYTES;
    this.kind = UNLIMITED;
    if (spec.rateBps !== undefined) {
      this.kind = CONSTANT;
      this.usPerByte = 8e6 / spec.rateBps;
    } else if (spec.rateProfile !== undefined) {
      this.kind = PROFILE;
      this.stepUs = spec.rateProfile.stepUs;
      this.profile = Float64Array.from(spec.rateProfile.bps);
    } else if (spec.traceMs !== undefined) {
      this.kind = TRACE;
      this.trace = Float64Array.from(spec.traceMs, (ms) => ms * 1000);
      this.periodUs = this.trace[this.trace.length - 1];
      this.cursor = 0;
      this.opportunityBytes = OPPORTUNITY_BYTES;
      this.state[CYCLE_START] = this.originUs;
    }
  }

  /** Answers when the packet will have left, microseconds, or -1 when the queue is full. */
  admit(nowUs: number, bytes: number): number {
    const { state } = this;
    this.forgetLeft(nowUs);
    if (this.kind === UNLIMITED) return Math.max(nowUs, state[BUSY_UNTIL]);
    if (this.queuedBytes + bytes > this.queueLimit) return -1;
    const startUs = Math.max(nowUs, state[BUSY_UNTIL]);
    let leftUs = startUs;
    if (this.kind === CONSTANT) leftUs = startUs + bytes * this.usPerByte;
    else if (this.kind === PROFILE) leftUs = this.leaveByProfile(startUs, bytes);
    else leftUs = this.leaveByTrace(startUs, bytes);
    state[BUSY_UNTIL] = leftUs;
    this.remember(leftUs, bytes);
    return leftUs;
  }

  /** Integrates the stepwise rate from `startUs` until `bytes` have gone. */
  private leaveByProfile(startUs: number, bytes: number): number {
    const { profile, stepUs } = this;
    let atUs = startUs;
    let bits = bytes * 8;
    let step = Math.max(0, Math.floor((startUs - this.originUs) / stepUs));
    for (;;) {
      const endUs = this.originUs + (step + 1) * stepUs;
      const rate = profile[step % profile.length];
      const bitsInStep = ((endUs - atUs) * rate) / 1e6;
      if (bitsInStep >= bits) return atUs + (bits * 1e6) / rate;
      bits -= Math.max(0, bitsInStep);
      atUs = endUs;
      step++;
    }
  }

  /** Uses up opportunities from `startUs` on; what is left of one goes to packets that follow at once. */
  private leaveByTrace(startUs: number, bytes: number): number {
    const { trace, state } = this;
    this.skipOpportunitiesBefore(startUs);
    let need = bytes;
    for (;;) {
      if (need <= this.opportunityBytes) {
        this.opportunityBytes -= need;
        return state[CYCLE_START] + trace[this.cursor];
      }
      need -= this.opportunityBytes;
      this.nextOpportunity();
    }
  }

  private skipOpportunitiesBefore(timeUs: number): void {
    const { trace, state } = this;
    const cyclesBehind = Math.floor((timeUs - state[CYCLE_START]) / this.periodUs);
    if (cyclesBehind > 1) {
      state[CYCLE_START] += (cyclesBehind - 1) * this.periodUs;
      this.cursor = 0;
      this.opportunityBytes = OPPORTUNITY_BYTES;
    }
    while (state[CYCLE_START] + trace[this.cursor] < timeUs) this.nextOpportunity();
  }

  private nextOpportunity(): void {
    this.opportunityBytes = OPPORTUNITY_BYTES;
    if (++this.cursor < this.trace.length) return;
    this.cursor = 0;
    this.state[CYCLE_START] += this.periodUs;
  }

  private forgetLeft(nowUs: number): void {
    const mask = this.leavesAt.length - 1;
    while (this.waiting > 0 && this.leavesAt[this.head] <= nowUs) {
      this.queuedBytes -= this.bytesOf[this.head];
      this.head = (this.head + 1) & mask;
      this.waiting--;
    }
  }

  private remember(leavesAtUs: number, bytes: number): void {
    if (this.waiting === this.leavesAt.length) this.grow();
    const slot = (this.head + this.waiting) & (this.leavesAt.length - 1);
    this.leavesAt[slot] = leavesAtUs;
    this.bytesOf[slot] = bytes;
    this.queuedBytes += bytes;
    this.waiting++;
  }

  private grow(): void {
    const size = this.leavesAt.length;
    const leavesAt = new Float64Array(size * 2);
    const bytesOf = new Int32Array(size * 2);
    for (let i = 0; i < this.waiting; i++) {
      const slot = (this.head + i) & (size - 1);
      leavesAt[i] = this.leavesAt[slot];
      bytesOf[i] = this.bytesOf[slot];
    }
    this.leavesAt = leavesAt;
    this.bytesOf = bytesOf;
    this.head = 0;
  }
}
