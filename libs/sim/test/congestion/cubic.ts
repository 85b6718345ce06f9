/** A loss-based sender beside ours: CUBIC of RFC 9438, one acknowledgement a packet, no pacing, unlimited data. */
import type { LinkDirection, VirtualClock } from '../../src/index.js';

const BYTES = 1400;
const BETA = 0.7;
const C = 0.4;
const THRESHOLD = 3;
const FIRST_WINDOW = 10;

export class CubicFlow {
  deliveredBytes = 0;
  private window = FIRST_WINDOW;
  private threshold = Number.POSITIVE_INFINITY;
  private windowMax = 0;
  private epochUs = 0;
  private inFlight = 0;
  private next = 0;
  private recoverUntil = 0;
  private readonly open = new Map<number, boolean>();
  private oldest = 0;
  private smoothedUs = 0;
  private progressUs = 0;

  constructor(
    private readonly time: VirtualClock,
    private readonly link: LinkDirection,
    private readonly options: { backUs: number; startUs: number; stopUs: number; measureFromUs: number },
  ) {
    time.schedule(options.startUs, () => {
      this.progressUs = time.nowUs;
      this.send();
      this.watch();
    });
  }

  private send(): void {
    const { nowUs } = this.time;
    if (nowUs >= this.options.stopUs) return;
    while (this.inFlight < this.window) {
      const number = this.next++;
      const sentUs = nowUs;
      this.inFlight++;
      this.open.set(number, true);
      const arriveUs = this.link.offer(nowUs, BYTES);
      if (arriveUs < 0) continue;
      if (arriveUs >= this.options.measureFromUs) this.deliveredBytes += BYTES;
      this.time.schedule(arriveUs + this.options.backUs, () => this.acknowledged(number, sentUs));
    }
  }

  private acknowledged(number: number, sentUs: number): void {
    if (!this.open.delete(number)) return;
    const { nowUs } = this.time;
    this.inFlight--;
    this.progressUs = nowUs;
    const rtt = nowUs - sentUs;
    this.smoothedUs += this.smoothedUs === 0 ? rtt : (rtt - this.smoothedUs) / 8;
    for (; this.oldest <= number - THRESHOLD; this.oldest++) {
      if (!this.open.delete(this.oldest)) continue;
      this.inFlight--;
      if (this.oldest >= this.recoverUntil) this.reduce();
    }
    if (this.window < this.threshold) this.window++;
    else {
      const seconds = (nowUs - this.epochUs + this.smoothedUs) / 1e6;
      const k = Math.cbrt((this.windowMax * (1 - BETA)) / C);
      const target = C * (seconds - k) ** 3 + this.windowMax;
      this.window += Math.max(0.01, Math.min(0.5 * this.window, target - this.window)) / this.window;
    }
    this.send();
  }

  private reduce(): void {
    this.recoverUntil = this.next;
    this.windowMax = this.window;
    this.window = Math.max(2, this.window * BETA);
    this.threshold = this.window;
    this.epochUs = this.time.nowUs;
  }

  /** Retransmission timeout: everything in flight is lost. */
  private watch(): void {
    const { time } = this;
    if (time.nowUs >= this.options.stopUs) return;
    if (this.inFlight > 0 && time.nowUs - this.progressUs > Math.max(1e6, 3 * this.smoothedUs)) {
      this.open.clear();
      this.oldest = this.next;
      this.inFlight = 0;
      this.reduce();
      this.window = 2;
      this.send();
    }
    time.schedule(time.nowUs + 200_000, () => this.watch());
  }
}
