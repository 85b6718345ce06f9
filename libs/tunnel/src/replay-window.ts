/**
 * Which packet numbers of one number space have arrived: a sliding bit window over 48-bit numbers, as in RFC 6479
 * (ring of words; only words that the window slides over are cleared).
 */

/** Words in the ring; one of them is always being refilled, so the window is a word narrower than the ring. */
const RING_WORDS = 512;
/** Numbers that are told apart behind the largest one. Wide enough for a path that reorders by whole radio frames. */
export const REPLAY_WINDOW = (RING_WORDS - 1) * 32;

export class ReplayWindow {
  private readonly words = new Uint32Array(RING_WORDS);
  /** The largest number marked so far; a Float64Array so that numbers above 2^31 are not boxed. */
  private readonly edge = new Float64Array(1).fill(-1);

  /** Largest packet number marked, -1 before the first. */
  get largest(): number {
    return this.edge[0];
  }

  /** Whether `packetNumber` is new and inside the window. Changes nothing: asked before the costly opening. */
  isFresh(packetNumber: number): boolean {
    const behind = this.edge[0] - packetNumber;
    if (behind < 0) return true;
    if (behind >= REPLAY_WINDOW) return false;
    return (this.words[(packetNumber >>> 5) & (RING_WORDS - 1)] & (1 << (packetNumber & 31))) === 0;
  }

  /** Marks an authentic number as seen. Answers false when it was seen before or is too old to tell. */
  mark(packetNumber: number): boolean {
    const largest = this.edge[0];
    if (packetNumber > largest) this.slideTo(largest, packetNumber);
    else if (largest - packetNumber >= REPLAY_WINDOW) return false;
    // ToUint32 takes the number modulo 2^32, which is exact for 48 bits and keeps the ring position.
    const word = (packetNumber >>> 5) & (RING_WORDS - 1);
    const bit = 1 << (packetNumber & 31);
    if ((this.words[word] & bit) !== 0) return false;
    this.words[word] |= bit;
    return true;
  }

  private slideTo(from: number, to: number): void {
    this.edge[0] = to;
    const steps = Math.floor(to / 32) - Math.floor(from / 32);
    if (steps <= 0) return;
    if (steps >= RING_WORDS) {
      this.words.fill(0);
      return;
    }
    const last = to >>> 5;
    for (let back = 0; back < steps; back++) this.words[(last - back) & (RING_WORDS - 1)] = 0;
  }
}
