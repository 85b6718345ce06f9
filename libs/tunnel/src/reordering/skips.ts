/** The holes that were given up last, so that what comes of them later tells how long waiting would have taken. */
import type { Clock } from '../clock.js';
import { NONE } from './pool.js';

const REMEMBERED = 32;

export class Skips {
  private readonly flow = new Int32Array(REMEMBERED).fill(NONE);
  /** First sequence of the hole (i32 serial), its packets, and how many of them were counted as never filled. */
  private readonly from = new Int32Array(REMEMBERED);
  private readonly packets = new Int32Array(REMEMBERED);
  private readonly counted = new Int32Array(REMEMBERED);
  private readonly sinceUs = new Float64Array(REMEMBERED);
  private next = 0;

  /** A hole that waited since `sinceUs[slot]` is given up. */
  add(flow: number, from: number, packets: number, counted: number, sinceUs: Float64Array, slot: number): void {
    const at = this.next;
    this.next = (at + 1) % REMEMBERED;
    this.flow[at] = flow;
    this.from[at] = from;
    this.packets[at] = packets;
    this.counted[at] = counted;
    this.sinceUs[at] = sinceUs[slot];
  }

  /** The hole that a late packet belonged to, or {@link NONE}. */
  find(flow: number, sequence: number): number {
    for (let at = 0; at < REMEMBERED; at++) {
      if (this.flow[at] !== flow) continue;
      const place = (sequence - this.from[at]) | 0;
      if (place >= 0 && place < this.packets[at]) return at;
    }
    return NONE;
  }

  /** Time since the hole was found, microseconds. */
  latenessUs(at: number, clock: Clock): number {
    return (clock.nowUs - this.sinceUs[at]) | 0;
  }

  /** Whether one packet of the hole was counted as never filled that has not been taken back yet. */
  takeBack(at: number): boolean {
    return this.counted[at]-- > 0;
  }

  forget(flow: number): void {
    for (let at = 0; at < REMEMBERED; at++) if (this.flow[at] === flow) this.flow[at] = NONE;
  }

  clear(): void {
    this.flow.fill(NONE);
  }
}
