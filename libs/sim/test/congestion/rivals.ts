/**
 * The congestion controls that we did not choose, as far as the comparison of decision 16 needs them: each sees what ours
 * sees and drives the same {@link CongestedFlow}.
 */
import type { AckReport, Clock, Earliest } from '@corridor/tunnel';
import type { FlowCongestion } from './flow.js';

const PACKET = 1_400;
const FIRST_WINDOW = 10 * PACKET;
const LEAST_WINDOW = 2 * PACKET;

/** What all of them need: bytes in flight, round trips, one-way delays above the least, loss once a round trip. */
abstract class Rival implements FlowCongestion {
  window = FIRST_WINDOW;
  /** Bytes per microsecond; Infinity: not paced. */
  protected pace = Number.POSITIVE_INFINITY;
  protected inFlight = 0;
  protected smoothedUs = 0;
  protected leastRttUs = Number.POSITIVE_INFINITY;
  protected rttUs = 0;
  protected delivered = 0;
  private turnUs = 0;
  private recoverUs = 0;

  maySend(bytes: number, clock: Clock): boolean {
    return this.inFlight + bytes <= this.window && clock.nowUs >= this.turnUs;
  }
  /** They know no urgency; vital signs are sent whatever they say, as in the comparison. */
  mayOverdraw(): boolean {
    return true;
  }
  sent(bytes: number, clock: Clock): void {
    this.inFlight += bytes;
    this.turnUs = Math.max(this.turnUs, clock.nowUs - 1_000) + bytes / this.pace;
  }
  noteDeadline(earliest: Earliest): void {
    if (this.inFlight + PACKET <= this.window) earliest.note(this.turnUs);
  }
  limitedByApplication(): void {}
  expect(): void {}

  acknowledged(report: AckReport, clock: Clock): void {
    this.inFlight -= report.ackedBytes + report.lostBytes;
    this.delivered += report.ackedBytes;
    if (report.rttUs > 0) {
      this.rttUs = report.rttUs;
      this.leastRttUs = Math.min(this.leastRttUs, report.rttUs);
      this.smoothedUs += (report.rttUs - this.smoothedUs) / (this.smoothedUs === 0 ? 1 : 8);
    }
    if (report.lostPackets > 0 && report.largestSentAtUs >= this.recoverUs) {
      this.recoverUs = clock.nowUs;
      this.onLoss(clock);
    }
    if (report.ackedBytes > 0) this.onAck(report, clock);
    this.window = Math.max(LEAST_WINDOW, this.window);
  }

  protected abstract onAck(report: AckReport, clock: Clock): void;
  protected abstract onLoss(clock: Clock): void;
}

/** RFC 9438, with its region of Reno. */
export class CubicRival extends Rival {
  private threshold = Number.POSITIVE_INFINITY;
  private most = 0;
  private epochUs = 0;
  private reno = 0;

  protected onAck(report: AckReport, clock: Clock): void {
    if (this.window < this.threshold) {
      this.window += report.ackedBytes;
      return;
    }
    const seconds = (clock.nowUs - this.epochUs + this.smoothedUs) / 1e6;
    const k = Math.cbrt((this.most / PACKET) * (0.3 / 0.4));
    const target = 0.4 * (seconds - k) ** 3 * PACKET + this.most;
    const grown = Math.min(0.5 * this.window, Math.max(0, target - this.window));
    this.reno += (0.53 * PACKET * report.ackedBytes) / this.window;
    this.window = Math.max(this.reno, this.window + (grown * report.ackedBytes) / this.window);
  }

  protected onLoss(clock: Clock): void {
    this.most = this.window;
    this.window *= 0.7;
    this.threshold = this.window;
    this.reno = this.window;
    this.epochUs = clock.nowUs;
  }
}

/** RFC 6817, with a target of 25 ms instead of 100. */
export class LedbatRival extends Rival {
  private base = Number.POSITIVE_INFINITY;

  protected onAck(report: AckReport): void {
    this.base = Math.min(this.base, report.transitUs);
    const off = (25_000 - (report.transitUs - this.base)) / 25_000;
    this.window += (off * report.ackedBytes * PACKET) / this.window;
  }

  protected onLoss(): void {
    this.window /= 2;
  }
}

/** Arun and Balakrishnan, NSDI 2018: default mode, delta 0.5; velocity doubles once a round trip in one direction. */
export class CopaRival extends Rival {
  private standing: { atUs: number; us: number }[] = [];
  private velocity = 1;
  private wasUp = true;
  private same = 0;
  private roundUs = 0;
  private isStarting = true;

  protected onAck(report: AckReport, clock: Clock): void {
    this.standing.push({ atUs: clock.nowUs, us: this.rttUs });
    while (this.standing[0].atUs < clock.nowUs - this.smoothedUs / 2) this.standing.shift();
    const standingUs = Math.min(...this.standing.map(({ us }) => us));
    const queueUs = Math.max(1, standingUs - this.leastRttUs);
    const target = PACKET / (0.5 * queueUs);
    const isUp = this.window / standingUs <= target;
    if (this.isStarting && isUp) {
      this.window += report.ackedBytes;
    } else {
      this.isStarting = false;
      if (clock.nowUs - this.roundUs > this.smoothedUs) {
        this.roundUs = clock.nowUs;
        this.same = isUp === this.wasUp ? this.same + 1 : 0;
        this.velocity = this.same >= 3 ? this.velocity * 2 : 1;
        this.wasUp = isUp;
      }
      const step = Math.min(this.window / 2, (this.velocity * report.ackedBytes * PACKET) / (0.5 * this.window));
      this.window += isUp ? step : -step;
    }
    this.pace = (2 * Math.max(LEAST_WINDOW, this.window)) / standingUs;
  }

  protected onLoss(): void {}
}

/** Cardwell et al., ACM Queue 2016: version 1 with its four states. */
export class BbrRival extends Rival {
  private samples: { atUs: number; rate: number }[] = [];
  private best = 0;
  private full = 0;
  private rounds = 0;
  private roundUs = 0;
  private state: 'startup' | 'drain' | 'bandwidth' | 'rtt' = 'startup';
  private phase = 0;
  private probeUs = 0;
  private least = { us: Number.POSITIVE_INFINITY, atUs: 0 };
  private history: { atUs: number; delivered: number }[] = [];

  protected onAck(report: AckReport, clock: Clock): void {
    const { nowUs } = clock;
    if (
      report.rttUs > 0 &&
      (report.rttUs <= this.least.us || (this.state === 'rtt' && nowUs > this.probeUs - 150_000))
    ) {
      this.least = { us: report.rttUs, atUs: nowUs };
    }
    this.history.push({ atUs: nowUs, delivered: this.delivered });
    while (this.history.length > 2 && this.history[1].atUs < nowUs - Math.max(this.rttUs, 10_000)) this.history.shift();
    const first = this.history[0];
    if (nowUs - first.atUs >= 5_000) {
      this.samples.push({ atUs: nowUs, rate: (this.delivered - first.delivered) / (nowUs - first.atUs) });
    }
    const memoryUs = 10 * Math.max(this.smoothedUs, 10_000);
    while (this.samples.length > 1 && this.samples[0].atUs < nowUs - memoryUs) this.samples.shift();
    this.best = Math.max(FIRST_WINDOW / 100_000, ...this.samples.map(({ rate }) => rate));
    this.advance(nowUs);
    const gain =
      this.state === 'startup' ? 2.89 : this.state === 'drain' ? 1 / 2.89 : [1.25, 0.75, 1, 1, 1, 1, 1, 1][this.phase];
    this.pace = this.best * (this.state === 'rtt' ? 1 : gain);
    const pipe = this.best * (this.least.us + 5_000);
    this.window = this.state === 'rtt' ? 4 * PACKET : (this.state === 'startup' ? 2.89 : 2) * pipe + 4 * PACKET;
  }

  protected onLoss(): void {}

  private advance(nowUs: number): void {
    const isRound = nowUs - this.roundUs > this.rttUs;
    if (isRound) this.roundUs = nowUs;
    if (this.state === 'startup' && isRound) {
      this.rounds = this.best > 1.25 * this.full ? 0 : this.rounds + 1;
      if (this.rounds === 0) this.full = this.best;
      if (this.rounds >= 3) this.state = 'drain';
    } else if (this.state === 'drain' && this.inFlight <= this.best * this.least.us) {
      this.state = 'bandwidth';
    } else if (this.state === 'bandwidth') {
      if (nowUs - this.probeUs > this.least.us) {
        this.probeUs = nowUs;
        this.phase = (this.phase + 1) % 8;
      }
      if (nowUs - this.least.atUs > 10_000_000) {
        this.state = 'rtt';
        this.probeUs = nowUs + 200_000 + this.rttUs;
        this.least = { us: this.least.us, atUs: nowUs };
      }
    } else if (this.state === 'rtt' && nowUs > this.probeUs) this.state = 'bandwidth';
  }
}
