/** Delivery rate samples of a TCP sender (draft-cheng-iccrg-delivery-rate-estimation, as tcp_rate.c of Linux has it). */
import type { AckSample } from './control.js';
import type { Scoreboard } from './scoreboard.js';

export class DeliveryRate {
  /** Segments delivered so far. */
  delivered = 0;
  private deliveredTimeUs = 0;
  private firstSentUs = 0;
  /** The newest segment that the present acknowledgement delivers: the sample is its. */
  private newest = -1;
  private intervalUs = 0;

  constructor(private readonly board: Scoreboard) {}

  /** Nothing is in flight: the time until now does not count. */
  restart(nowUs: number): void {
    this.deliveredTimeUs = nowUs;
    this.firstSentUs = nowUs;
  }

  /** A segment leaves. */
  stamp(segment: number): void {
    const { board } = this;
    const slot = board.slot(segment);
    board.deliveredAtSend[slot] = this.delivered;
    board.deliveredTimeUs[slot] = this.deliveredTimeUs;
    board.firstSentUs[slot] = this.firstSentUs;
  }

  begin(sample: AckSample): void {
    sample.priorDelivered = -1;
    this.newest = -1;
  }

  noteDelivered(segment: number, sample: AckSample, nowUs: number): void {
    const { board } = this;
    const slot = board.slot(segment);
    const sentAtUs = board.sentAtUs[slot];
    this.delivered++;
    this.deliveredTimeUs = nowUs;
    const newestUs = this.newest < 0 ? -1 : board.sentAtUs[board.slot(this.newest)];
    if (sentAtUs < newestUs || (sentAtUs === newestUs && segment < this.newest)) return;
    this.newest = segment;
    sample.priorDelivered = board.deliveredAtSend[slot];
    const sendUs = sentAtUs - board.firstSentUs[slot];
    const acknowledgeUs = nowUs - board.deliveredTimeUs[slot];
    this.intervalUs = Math.max(sendUs, acknowledgeUs);
    this.firstSentUs = sentAtUs;
  }

  /** An interval below the smallest round trip is an artefact: no sample. */
  finish(sample: AckSample, minRttUs: number): void {
    const isUsable = sample.priorDelivered >= 0 && this.intervalUs >= minRttUs;
    sample.rate = isUsable ? (this.delivered - sample.priorDelivered) / this.intervalUs : 0;
    sample.totalDelivered = this.delivered;
  }
}
