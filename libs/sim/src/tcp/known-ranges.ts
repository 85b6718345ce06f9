/** Ranges of segments that SACK blocks of late have named: what a new block shares with them is known. */
const REMEMBERED = 8;

export class KnownRanges {
  private readonly left = new Float64Array(REMEMBERED);
  private readonly right = new Float64Array(REMEMBERED);
  private next = 0;

  add(left: number, right: number): void {
    this.left[this.next] = left;
    this.right[this.next] = right;
    this.next = (this.next + 1) % REMEMBERED;
  }

  /** The first segment from `segment` on that no remembered range is known to hold. */
  unknownFrom(segment: number): number {
    let until = segment;
    for (let i = 0; i < REMEMBERED; i++) {
      if (this.left[i] <= segment && segment < this.right[i]) until = Math.max(until, this.right[i]);
    }
    return until;
  }
}
