/**
 * BBR version 1 (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 2016; draft-cardwell-iccrg-bbr-00)
 * with the constants of Linux: largest delivery rate of ten round trips, smallest round trip of 10 s, a pacing cycle
 * around the one and a window of twice the product. Left out: the detection of policers by long-term rate.
 */
import { type AckSample, INITIAL_WINDOW, type TcpControl } from './control.js';

const STARTUP = 0;
const DRAIN = 1;
const PROBE_BANDWIDTH = 2;
const PROBE_RTT = 3;

const HIGH_GAIN = 2.885; // 2 / ln 2
const WINDOW_GAIN = 2;
const CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
/** Send one per cent slower than the rate, so that no queue stands. */
const PACING_MARGIN = 0.99;
const RATE_ROUNDS = 10;
const FULL_GROWTH = 1.25;
const FULL_ROUNDS = 3;
const MIN_RTT_WINDOW_US = 10_000_000;
const PROBE_RTT_US = 200_000;
const MIN_WINDOW = 4;
/** Acknowledgements that come in bunches: their excess over two windows of rounds, at most 100 ms of the rate. */
const EXTRA_ROUNDS = 5;
const EXTRA_MAX_US = 100_000;

export class Bbr implements TcpControl {
  window = INITIAL_WINDOW;
  slowStartThreshold = Number.POSITIVE_INFINITY;
  readonly ownsRecovery = true;
  pacingRate = 0;

  private mode = STARTUP;
  private pacingGain = HIGH_GAIN;
  private windowGain = HIGH_GAIN;
  private readonly rates = new Float64Array(RATE_ROUNDS);
  private rounds = 0;
  private roundEndsAt = 0;
  private roundStarted = false;

  private minRttUs = Number.POSITIVE_INFINITY;
  private minRttAtUs = 0;
  private probeRttDoneUs = -1;
  private probeRttRoundDone = false;

  private fullRate = 0;
  private fullRounds = 0;
  private pipeFull = false;
  private cycle = 0;
  private cycleAtUs = 0;

  private priorWindow = 0;
  private recovering = false;
  private conserving = false;
  private restoring = false;

  private ackEpochUs = -1;
  private ackEpochDelivered = 0;
  private readonly extras = new Float64Array(2);
  private extraRounds = 0;

  constructor(private readonly random: () => number) {}

  acknowledged(sample: AckSample): void {
    this.updateRate(sample);
    this.updateAggregation(sample);
    this.updateCycle(sample);
    this.checkFullPipe(sample);
    this.checkDrain(sample);
    this.updateMinRtt(sample);
    this.setPacing(sample);
    this.setWindow(sample);
  }

  congestion(): void {
    this.saveWindow();
  }

  recovered(): void {}

  timedOut(): void {
    this.saveWindow();
    this.fullRate = 0;
    this.recovering = true;
    this.roundEndsAt = -1;
  }

  undo(window: number): void {
    this.fullRate = 0;
    this.fullRounds = 0;
    this.window = Math.max(this.window, window);
  }

  private get rate(): number {
    let largest = 0;
    for (const rate of this.rates) largest = Math.max(largest, rate);
    return largest;
  }

  private saveWindow(): void {
    const intact = !this.recovering && this.mode !== PROBE_RTT;
    this.priorWindow = intact ? this.window : Math.max(this.priorWindow, this.window);
  }

  private updateRate(sample: AckSample): void {
    this.roundStarted = false;
    if (sample.priorDelivered < 0) return;
    if (sample.priorDelivered >= this.roundEndsAt) {
      this.roundEndsAt = sample.totalDelivered;
      this.rounds++;
      this.roundStarted = true;
      this.conserving = false;
      this.rates[this.rounds % RATE_ROUNDS] = 0;
    }
    if (sample.rate <= 0) return;
    if (sample.appLimited && sample.rate < this.rate) return;
    const place = this.rounds % RATE_ROUNDS;
    this.rates[place] = Math.max(this.rates[place], sample.rate);
  }

  /** bbr_update_ack_aggregation of Linux. */
  private updateAggregation(sample: AckSample): void {
    if (sample.delivered <= 0) return;
    if (this.roundStarted && ++this.extraRounds >= EXTRA_ROUNDS) {
      this.extraRounds = 0;
      this.extras[1] = this.extras[0];
      this.extras[0] = 0;
    }
    const expected = this.ackEpochUs < 0 ? 0 : this.rate * (sample.nowUs - this.ackEpochUs);
    if (this.ackEpochUs < 0 || this.ackEpochDelivered <= expected) {
      this.ackEpochUs = sample.nowUs;
      this.ackEpochDelivered = 0;
    }
    this.ackEpochDelivered += sample.delivered;
    const since = this.rate * (sample.nowUs - this.ackEpochUs);
    const extra = Math.min(this.ackEpochDelivered - since, this.window);
    this.extras[0] = Math.max(this.extras[0], extra);
  }

  private updateCycle(sample: AckSample): void {
    if (this.mode !== PROBE_BANDWIDTH) return;
    const isLong = sample.nowUs - this.cycleAtUs > this.minRttUs;
    let isOver = isLong;
    if (this.pacingGain > 1) {
      isOver = isLong && (sample.lost > 0 || sample.priorInFlight >= this.target(this.pacingGain));
    } else if (this.pacingGain < 1) isOver = isLong || sample.priorInFlight <= this.target(1);
    if (isOver) this.enterCycle((this.cycle + 1) % CYCLE.length, sample.nowUs);
  }

  private enterCycle(cycle: number, nowUs: number): void {
    this.mode = PROBE_BANDWIDTH;
    this.cycle = cycle;
    this.cycleAtUs = nowUs;
    this.pacingGain = CYCLE[cycle];
    this.windowGain = WINDOW_GAIN;
  }

  private checkFullPipe(sample: AckSample): void {
    if (this.pipeFull || !this.roundStarted || sample.appLimited) return;
    const rate = this.rate;
    if (rate >= this.fullRate * FULL_GROWTH) {
      this.fullRate = rate;
      this.fullRounds = 0;
      return;
    }
    this.pipeFull = ++this.fullRounds >= FULL_ROUNDS;
  }

  private checkDrain(sample: AckSample): void {
    if (this.mode === STARTUP && this.pipeFull) {
      this.mode = DRAIN;
      this.pacingGain = 1 / HIGH_GAIN;
      this.windowGain = HIGH_GAIN;
    }
    if (this.mode === DRAIN && sample.inFlight <= this.target(1)) this.startCycle(sample.nowUs);
  }

  /** Anywhere in the cycle but where it drains. */
  private startCycle(nowUs: number): void {
    const place = Math.floor(this.random() * (CYCLE.length - 1));
    this.enterCycle(place === 0 ? 0 : place + 1, nowUs);
  }

  private updateMinRtt(sample: AckSample): void {
    const { nowUs, rttUs } = sample;
    const expired = nowUs > this.minRttAtUs + MIN_RTT_WINDOW_US;
    if (rttUs > 0 && (rttUs <= this.minRttUs || expired)) {
      this.minRttUs = rttUs;
      this.minRttAtUs = nowUs;
    }
    if (expired && this.mode !== PROBE_RTT && rttUs > 0) {
      this.saveWindow();
      this.mode = PROBE_RTT;
      this.pacingGain = 1;
      this.windowGain = 1;
      this.probeRttDoneUs = -1;
    }
    if (this.mode === PROBE_RTT) this.probeRtt(sample);
  }

  private probeRtt(sample: AckSample): void {
    if (this.probeRttDoneUs < 0) {
      if (sample.inFlight > MIN_WINDOW) return;
      this.probeRttDoneUs = sample.nowUs + PROBE_RTT_US;
      this.probeRttRoundDone = false;
      this.roundEndsAt = sample.totalDelivered;
      return;
    }
    if (this.roundStarted) this.probeRttRoundDone = true;
    if (!this.probeRttRoundDone || sample.nowUs < this.probeRttDoneUs) return;
    this.minRttAtUs = sample.nowUs;
    this.window = Math.max(this.window, this.priorWindow);
    if (this.pipeFull) this.startCycle(sample.nowUs);
    else {
      this.mode = STARTUP;
      this.pacingGain = HIGH_GAIN;
      this.windowGain = HIGH_GAIN;
    }
  }

  private setPacing(sample: AckSample): void {
    let rate = this.rate;
    // Before the first sample: ten segments a round trip.
    if (rate === 0 && sample.smoothedUs > 0) rate = INITIAL_WINDOW / sample.smoothedUs;
    const pacing = rate * this.pacingGain * PACING_MARGIN;
    if (this.pipeFull || pacing > this.pacingRate) this.pacingRate = pacing;
  }

  /** Segments in flight for a gain: the product of rate and round trip, and room for bursts of the sender. */
  private target(gain: number): number {
    if (this.minRttUs === Number.POSITIVE_INFINITY) return INITIAL_WINDOW;
    const product = this.rate * this.minRttUs * gain;
    const budget = Math.ceil(product) + 3 * this.burst;
    return this.mode === PROBE_BANDWIDTH && this.cycle === 0 ? budget + 2 : budget;
  }

  private get burst(): number {
    return Math.max(2, Math.floor(this.pacingRate * 1_000));
  }

  private setWindow(sample: AckSample): void {
    if (sample.delivered > 0 && !this.conserved(sample)) {
      const extra = this.pipeFull ? Math.min(Math.max(...this.extras), this.rate * EXTRA_MAX_US) : 0;
      const target = this.target(this.windowGain) + extra;
      if (this.pipeFull) this.window = Math.min(this.window + sample.delivered, target);
      else if (this.window < target || sample.totalDelivered < INITIAL_WINDOW) this.window += sample.delivered;
      this.window = Math.max(this.window, MIN_WINDOW);
    }
    if (this.mode === PROBE_RTT) this.window = Math.min(this.window, MIN_WINDOW);
  }

  /** The first round of a recovery sends as much as arrives. True while the window is set so. */
  private conserved(sample: AckSample): boolean {
    if (sample.lost > 0) this.window = Math.max(this.window - sample.lost, 1);
    if (sample.recovering && !this.recovering) {
      this.conserving = true;
      this.roundEndsAt = sample.totalDelivered;
      this.window = sample.inFlight + sample.delivered;
    } else if (!sample.recovering && this.recovering) {
      this.restoring = true;
      this.conserving = false;
    }
    this.recovering = sample.recovering;
    if (this.restoring) {
      this.window = Math.max(this.window, this.priorWindow);
      this.restoring = false;
    }
    if (!this.conserving) return false;
    this.window = Math.max(this.window, sample.inFlight + sample.delivered);
    return true;
  }
}
