/**
 * CUBIC (RFC 9438) in the shape of Linux, with HyStart (Ha and Rhee 2011): slow start ends at the first growth of the
 * round trip, or when a train of acknowledgements has become half a round trip long, not with the first loss.
 */
import { type AckSample, INITIAL_WINDOW, type TcpControl } from './control.js';

const BETA = 0.7;
/** Segments / s^3. */
const C = 0.4;
/** Growth per round trip of the AIMD flow that CUBIC is never slower than: 3 (1 - beta) / (1 + beta). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

/** Before the first loss, while nothing is known of the path: a twentieth of the window each round trip at least (`bictcp_update` of Linux). */
const GROWTH_UNKNOWN = 1 / 20;

const HYSTART_LOW_WINDOW = 16;
const HYSTART_SAMPLES = 8;
const HYSTART_DELAY_MIN_US = 4_000;
const HYSTART_DELAY_MAX_US = 16_000;
/** Acknowledgements further apart end a train. */
const HYSTART_TRAIN_GAP_US = 2_000;

export class Cubic implements TcpControl {
  window = INITIAL_WINDOW;
  slowStartThreshold = Number.POSITIVE_INFINITY;
  readonly ownsRecovery = false;
  readonly pacingRate = 0;

  private windowMax = 0;
  private epochStartUs = -1;
  /** Seconds from the start of the epoch until the window is where it was. */
  private k = 0;
  private origin = 0;
  private friendlyWindow = 0;
  private delayMinUs = Number.POSITIVE_INFINITY;

  private roundEnds = 0;
  private roundStartUs = 0;
  private lastTrainUs = 0;
  private samples = 0;
  private roundRttUs = Number.POSITIVE_INFINITY;

  constructor(private readonly hystart = true) {}

  acknowledged(sample: AckSample): void {
    if (sample.rttUs > 0) this.delayMinUs = Math.min(this.delayMinUs, sample.rttUs);
    if (!sample.windowLimited) return;
    let acknowledged = sample.acknowledged;
    if (this.window < this.slowStartThreshold) {
      if (this.hystart && sample.rttUs > 0) this.watchSlowStart(sample);
      const grown = Math.min(this.window + acknowledged, Math.max(this.slowStartThreshold, this.window));
      acknowledged -= grown - this.window;
      this.window = grown;
    }
    if (acknowledged > 0) this.avoidCongestion(acknowledged, sample.nowUs);
  }

  congestion(): void {
    this.epochStartUs = -1;
    // Fast convergence: a flow that did not get back to its last maximum leaves room for others.
    this.windowMax = this.window < this.windowMax ? (this.window * (1 + BETA)) / 2 : this.window;
    this.slowStartThreshold = Math.max(2, this.window * BETA);
  }

  recovered(): void {
    this.window = this.slowStartThreshold;
  }

  timedOut(): void {
    this.epochStartUs = -1;
    this.windowMax = 0;
    this.samples = 0;
    this.roundEnds = 0;
  }

  undo(window: number, slowStartThreshold: number): void {
    this.window = Math.max(this.window, window);
    this.slowStartThreshold = Math.max(this.slowStartThreshold, slowStartThreshold);
  }

  private avoidCongestion(acknowledged: number, nowUs: number): void {
    if (this.epochStartUs < 0) {
      this.epochStartUs = nowUs;
      this.friendlyWindow = this.window;
      this.k = this.window < this.windowMax ? Math.cbrt((this.windowMax - this.window) / C) : 0;
      this.origin = Math.max(this.windowMax, this.window);
    }
    const delayUs = this.delayMinUs === Number.POSITIVE_INFINITY ? 0 : this.delayMinUs;
    const timeS = (nowUs - this.epochStartUs + delayUs) / 1e6;
    const target = this.origin + C * (timeS - this.k) ** 3;
    this.friendlyWindow += (ALPHA * acknowledged) / this.window;
    const goal = Math.max(target, this.friendlyWindow);
    // At most one segment for two acknowledged ones (RFC 9438 section 4.4: the target is at most 1.5 windows).
    const least = this.windowMax === 0 ? GROWTH_UNKNOWN : 1 / (100 * this.window);
    const share = Math.min(0.5, Math.max((goal - this.window) / this.window, least));
    this.window += acknowledged * share;
  }

  private watchSlowStart(sample: AckSample): void {
    if (sample.una >= this.roundEnds) {
      this.roundEnds = sample.next;
      this.roundStartUs = sample.nowUs;
      this.lastTrainUs = sample.nowUs;
      this.samples = 0;
      this.roundRttUs = Number.POSITIVE_INFINITY;
    }
    if (this.window < HYSTART_LOW_WINDOW) return;
    if (sample.nowUs - this.lastTrainUs <= HYSTART_TRAIN_GAP_US) {
      this.lastTrainUs = sample.nowUs;
      if (sample.nowUs - this.roundStartUs > this.delayMinUs / 2) this.slowStartThreshold = this.window;
    }
    this.roundRttUs = Math.min(this.roundRttUs, sample.rttUs);
    if (this.samples < HYSTART_SAMPLES) {
      this.samples++;
      return;
    }
    const margin = Math.min(HYSTART_DELAY_MAX_US, Math.max(HYSTART_DELAY_MIN_US, this.delayMinUs / 8));
    if (this.roundRttUs > this.delayMinUs + margin) this.slowStartThreshold = this.window;
  }
}
