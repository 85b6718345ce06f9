/**
 * Early warnings: what announces trouble on a path while it still works. Each is raised by a change against what is usual on
 * that path, not by bad figures that it always has: for those there is the strategy's own judgement. A warning stays for
 * a while after its cause was last seen, so that it does not flicker.
 */
import type { PathWarning } from './sdk.js';

/** What is known of the sending direction of a path at one moment. */
export interface WarningFigures {
  /** Monotonic, microseconds. */
  readonly nowUs: number;
  /** One-way delay above the smallest one seen, microseconds, of the last packets rather than smoothed. */
  readonly delayVariationUs: number;
  /** Smoothed mean deviation of the one-way delay (RFC 3550), microseconds. */
  readonly jitterUs: number;
  /** Share of packets lost in the recent window, 0 to 1, and mean length of the bursts; 0: nothing was lost. */
  readonly lossRatio: number;
  readonly burstPackets: number;
  /** How long an answer is overdue, as a share of the silence after which the path is suspect; 0: nothing is awaited. */
  readonly silence: number;
  /** Radio quality, 0 to 1; undefined where it is not known. */
  readonly signal: number | undefined;
  /** The path is being filled to its capacity: a queue of our own grows its delay, which says nothing of the link. */
  readonly isFilled: boolean;
}

/** How long a warning stays after its cause was last seen, microseconds. Silence is over with the first answer. */
const HOLD_US: Readonly<Record<PathWarning, number>> = {
  silence: 500_000,
  delay: 1_000_000,
  loss: 1_000_000,
  signal: 2_000_000,
};

/** Silence: from this share of the path's patience. */
const SILENCE = 0.6;

/** Delay: growth over the watched time by more than this, by more than so many mean deviations, and steadily. */
const TREND_WINDOW_US = 1_000_000;
const TREND_SAMPLES = 8;
const TREND_SPACING_US = TREND_WINDOW_US / TREND_SAMPLES;
const GROWTH_US = 30_000;
const GROWTH_DEVIATIONS = 4;
/** On a filled path the own queue may grow by this before it is news. */
const GROWTH_FILLED_US = 250_000;
/** Share of the steps since the smallest sample that have to go upward. */
const RISING_PART = 0.6;
/** A trend takes so many steps: one or two are a spike, as of a handover. */
const TREND_STEPS = 3;

/** Loss: above this, in bursts of at least so many, and this many times what is usual on the path. */
const LOSS = 0.03;
const BURST_PACKETS = 2;
const LOSS_ABOVE_USUAL = 2;
/** Time constant of what is usual, microseconds. */
const USUAL_OVER_US = 15_000_000;

/** Signal: weak below this, until above that; and a fall by so much within the time constant. */
const SIGNAL_WEAK = 0.15;
const SIGNAL_FAIR = 0.25;
const SIGNAL_FALL = 0.3;
const SIGNAL_USUAL_OVER_US = 5_000_000;

const NONE: readonly PathWarning[] = [];
const KINDS: readonly PathWarning[] = ['silence', 'delay', 'loss', 'signal'];

/** Watches one path in one direction. */
export class EarlyWarnings {
  private inForce = NONE;
  private readonly untilUs: Record<PathWarning, number> = {
    silence: Number.NEGATIVE_INFINITY,
    delay: Number.NEGATIVE_INFINITY,
    loss: Number.NEGATIVE_INFINITY,
    signal: Number.NEGATIVE_INFINITY,
  };
  private readonly delays: number[] = [];
  private sampledUs = Number.NEGATIVE_INFINITY;
  private usualLoss = -1;
  private usualSignal = -1;
  private lastUs = -1;

  /** Takes the figures of now; answers the warnings in force, the same array as long as they are the same. */
  update(figures: WarningFigures): readonly PathWarning[] {
    const { nowUs } = figures;
    const elapsedUs = this.lastUs < 0 ? 0 : nowUs - this.lastUs;
    this.lastUs = nowUs;
    if (figures.silence >= SILENCE) this.untilUs.silence = nowUs + HOLD_US.silence;
    if (this.isDelayGrowing(figures)) this.untilUs.delay = nowUs + HOLD_US.delay;
    if (this.isLossUnusual(figures, elapsedUs)) this.untilUs.loss = nowUs + HOLD_US.loss;
    if (this.isSignalFading(figures, elapsedUs)) this.untilUs.signal = nowUs + HOLD_US.signal;
    const now = KINDS.filter((kind) => nowUs < this.untilUs[kind]);
    const isSame = now.length === this.inForce.length && now.every((kind, index) => kind === this.inForce[index]);
    if (!isSame) this.inForce = now.length === 0 ? NONE : now;
    return this.inForce;
  }

  /** The path was down or leads elsewhere now: what was usual is no more. */
  reset(): void {
    for (const kind of KINDS) this.untilUs[kind] = Number.NEGATIVE_INFINITY;
    this.inForce = NONE;
    this.delays.length = 0;
    this.sampledUs = Number.NEGATIVE_INFINITY;
    this.usualLoss = -1;
    this.usualSignal = -1;
    this.lastUs = -1;
  }

  private isDelayGrowing(figures: WarningFigures): boolean {
    const { delays } = this;
    if (figures.nowUs - this.sampledUs >= TREND_SPACING_US) {
      this.sampledUs = figures.nowUs;
      delays.push(figures.delayVariationUs);
      if (delays.length > TREND_SAMPLES) delays.shift();
    }
    let least = delays.length - 1;
    for (let i = least - 1; i >= 0; i--) if (delays[i] < delays[least]) least = i;
    const steps = delays.length - 1 - least;
    if (steps < TREND_STEPS) return false;
    const growthUs = figures.delayVariationUs - delays[least];
    const newsUs = figures.isFilled ? GROWTH_FILLED_US : Math.max(GROWTH_US, GROWTH_DEVIATIONS * figures.jitterUs);
    if (growthUs < newsUs) return false;
    let rising = 0;
    for (let i = least + 1; i < delays.length; i++) if (delays[i] > delays[i - 1]) rising++;
    return rising >= RISING_PART * steps;
  }

  private isLossUnusual({ lossRatio, burstPackets }: WarningFigures, elapsedUs: number): boolean {
    if (this.usualLoss < 0) this.usualLoss = lossRatio;
    const isUnusual =
      lossRatio >= LOSS && burstPackets >= BURST_PACKETS && lossRatio >= LOSS_ABOVE_USUAL * this.usualLoss;
    this.usualLoss += (lossRatio - this.usualLoss) * Math.min(1, elapsedUs / USUAL_OVER_US);
    return isUnusual;
  }

  private isSignalFading({ signal }: WarningFigures, elapsedUs: number): boolean {
    if (signal === undefined) {
      this.usualSignal = -1;
      return false;
    }
    if (this.usualSignal < 0) this.usualSignal = signal;
    const weak = this.inForce.includes('signal') ? SIGNAL_FAIR : SIGNAL_WEAK;
    const isFading = signal < weak || this.usualSignal - signal >= SIGNAL_FALL;
    this.usualSignal += (signal - this.usualSignal) * Math.min(1, elapsedUs / SIGNAL_USUAL_OVER_US);
    return isFading;
  }
}
