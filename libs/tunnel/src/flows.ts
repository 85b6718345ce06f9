/**
 * Flow sequences. The sender numbers the packets of each flow; the receiver drops what it has seen: copies by plan,
 * replays on suspicion, and both ends' memory of it survives a rekey and a re-handshake.
 */
import { flowClass, serialDistance } from '@corridor/wire';
import type { Clock } from './clock.js';
import { REPLAY_HORIZON_US } from './constants.js';

/** Flows of one class: the low 12 bits of a flow number. */
const FLOWS_PER_CLASS = 4096;
const CLASSES = 16;

/** The sender's side: next sequence of every flow, 16 KB for each class in use. */
export class FlowSequences {
  private readonly ofClass: (Uint32Array | undefined)[] = new Array(CLASSES).fill(undefined);

  /** Answers the flow's next sequence, u32, and moves on. Never restarts within a session. */
  take(flow: number): number {
    let sequences = this.ofClass[flowClass(flow)];
    if (sequences === undefined) {
      sequences = new Uint32Array(FLOWS_PER_CLASS);
      this.ofClass[flowClass(flow)] = sequences;
    }
    return sequences[flow & (FLOWS_PER_CLASS - 1)]++;
  }
}

/** Bits of the smallest and the largest window; a flow that outruns its window gets a larger one. */
const FIRST_WINDOW_BITS = 512;
const MAX_WINDOW_BITS = 65536;
/**
 * A window shall reach back this long: the last packets of a paced replay are as old as the replay horizon when they go
 * out, while new ones of the same flow go on. The largest window does so up to 18,000 packets/s of one flow; what a
 * sender can hold is far less than that window.
 */
const WINDOW_REACH_US = REPLAY_HORIZON_US + 500_000;
/** A flow that skips more than a quarter of its window is about to replay what it skipped: the window makes room. */
const SKIPS_PER_WINDOW = 4;
/** Words of all windows of one peer: 1 MB, which a vehicle cannot make the gateway exceed. */
const MAX_WORDS = 262_144;

class FlowWindow {
  /** Bit ring, indexed by sequence. */
  words = new Uint32Array(FIRST_WINDOW_BITS / 32);
  readonly newest = new Uint32Array(1);
  /** When the window was last passed once around. */
  readonly lapStartUs = new Float64Array(1);
  lapPackets = 0;
  /** It has forgotten nothing yet: what lies before it has not been delivered since the flow is known. */
  young = true;
}

/** The receiver's side: which sequences of each flow were delivered. */
export class DuplicateFilter {
  private windows = new Map<number, FlowWindow>();
  private words = 0;
  private lastFlow = -1;
  private last: FlowWindow | undefined;

  /** Whether the packet is to be delivered: false for one that was, or that is too old to tell. */
  accept(flow: number, sequence: number, clock: Clock): boolean {
    const window = flow === this.lastFlow && this.last !== undefined ? this.last : this.find(flow, sequence, clock);
    const ahead = serialDistance(sequence, window.newest[0]);
    if (ahead > 0) this.slide(window, ahead, clock);
    else if (-ahead >= (window.words.length - 1) * 32 && !this.reachBack(window, -ahead)) return false;
    const word = (sequence >>> 5) & (window.words.length - 1);
    const bit = 1 << (sequence & 31);
    if ((window.words[word] & bit) !== 0) return false;
    window.words[word] |= bit;
    return true;
  }

  /** Memory of all windows. */
  get memoryBytes(): number {
    return this.words * 4;
  }

  /** Forgets every flow: the peer starts its sequences afresh. */
  clear(): void {
    this.windows.clear();
    this.words = 0;
    this.lastFlow = -1;
    this.last = undefined;
  }

  private find(flow: number, sequence: number, clock: Clock): FlowWindow {
    let window = this.windows.get(flow);
    if (window === undefined) {
      if (this.words + FIRST_WINDOW_BITS / 32 > MAX_WORDS) this.forgetOldest();
      window = new FlowWindow();
      window.newest[0] = sequence;
      window.lapStartUs[0] = clock.nowUs;
      this.windows.set(flow, window);
      this.words += window.words.length;
    }
    this.lastFlow = flow;
    this.last = window;
    return window;
  }

  /**
   * A flow that starts afresh with new packets and replays of old ones side by side: its window grows backwards.
   * Answers whether it reaches that far now.
   */
  private reachBack(window: FlowWindow, behind: number): boolean {
    while (window.young && behind >= (window.words.length - 1) * 32) if (!this.widen(window)) return false;
    return window.young;
  }

  private slide(window: FlowWindow, ahead: number, clock: Clock): void {
    // The skipped ones shall still be in the window when the replay comes to them.
    while (ahead > (window.words.length * 32) / SKIPS_PER_WINDOW) if (!this.widen(window)) break;
    window.lapPackets += ahead;
    if (window.lapPackets >= window.words.length * 32) this.endLap(window, clock.nowUs);
    const { words, newest } = window;
    const from = newest[0] >>> 5;
    newest[0] += ahead;
    const to = newest[0] >>> 5;
    const steps = (to - from) & 0x7ff_ffff;
    if (steps >= words.length) {
      words.fill(0);
      window.young = false;
      return;
    }
    for (let back = 0; back < steps; back++) {
      const word = (to - back) & (words.length - 1);
      if (words[word] !== 0) window.young = false;
      words[word] = 0;
    }
  }

  /** A full lap in less than the reach: the window is too short for this flow's rate, so it doubles. */
  private endLap(window: FlowWindow, nowUs: number): void {
    const tooShort = nowUs - window.lapStartUs[0] < WINDOW_REACH_US;
    window.lapStartUs[0] = nowUs;
    window.lapPackets = 0;
    if (tooShort) this.widen(window);
  }

  /** Doubles the window, unless it is as large as it may get. */
  private widen(window: FlowWindow): boolean {
    const old = window.words;
    if (old.length * 32 >= MAX_WINDOW_BITS || this.words + old.length > MAX_WORDS) return false;
    const wider = new Uint32Array(old.length * 2);
    const newest = window.newest[0] >>> 5;
    for (let back = 0; back < old.length; back++) {
      wider[(newest - back) & (wider.length - 1)] = old[(newest - back) & (old.length - 1)];
    }
    // What lies before an old window counts as delivered: the wider one must not let old copies in.
    const before = window.young ? 0 : 0xffff_ffff;
    for (let back = old.length; back < wider.length; back++) wider[(newest - back) & (wider.length - 1)] = before;
    window.words = wider;
    this.words += old.length;
    return true;
  }

  /** Maps keep insertion order; a flow that is still alive comes back with its next packet. */
  private forgetOldest(): void {
    for (const [flow, window] of this.windows) {
      this.windows.delete(flow);
      this.words -= window.words.length;
      if (flow === this.lastFlow) this.lastFlow = -1;
      return;
    }
  }
}
