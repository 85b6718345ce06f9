/** Between a TCP sender and its congestion control. Windows count segments. */

/** What one acknowledgement told, with the delivery rate sample of draft-cheng-iccrg-delivery-rate-estimation. */
export class AckSample {
  nowUs = 0;
  /** Newly acknowledged in order, and newly delivered in any order, segments. */
  acknowledged = 0;
  delivered = 0;
  /** Newly declared lost. */
  lost = 0;
  /** Round trip of the newest segment, microseconds; -1: no valid one. */
  rttUs = -1;
  /** All segments delivered so far. */
  totalDelivered = 0;
  /** Sender's {@link totalDelivered} when the newest delivered segment was sent; -1: nothing new arrived. */
  priorDelivered = -1;
  /** Segments a microsecond; 0: no valid sample. */
  rate = 0;
  appLimited = false;
  inFlight = 0;
  /** In flight before the acknowledgement. */
  priorInFlight = 0;
  smoothedUs = 0;
  /** The window, not the receiver, holds the sender back. */
  windowLimited = false;
  recovering = false;
  /** First segment not acknowledged, and first never sent. */
  una = 0;
  next = 0;
}

export interface TcpControl {
  window: number;
  slowStartThreshold: number;
  /** True: the control sets its window also in recovery; false: proportional rate reduction does. */
  readonly ownsRecovery: boolean;
  /** Segments a microsecond at which to send; 0: as fast as acknowledgements come. */
  readonly pacingRate: number;
  /** After every acknowledgement; in recovery only where {@link ownsRecovery}. */
  acknowledged(sample: AckSample): void;
  /** Loss or a congestion mark: once a recovery. Sets {@link slowStartThreshold}. */
  congestion(inFlight: number): void;
  /** Recovery is over. */
  recovered(): void;
  timedOut(): void;
  /** The loss was none: take back what {@link congestion} did. */
  undo(window: number, slowStartThreshold: number): void;
}

/** RFC 6928. */
export const INITIAL_WINDOW = 10;
