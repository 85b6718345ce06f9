/** What people are shown of a path's congestion control. */

/**
 * `search`: no queue, growing; `steady`: a small queue stands; `drain`: asks whether less load means less delay and loss;
 * `compete`: a sender beside us fills the queue.
 */
export type CongestionPhase = 'search' | 'steady' | 'drain' | 'compete';

/** For people. */
export interface CongestionStatus {
  readonly phase: CongestionPhase;
  /** Paced at now, and thought to be carried. */
  readonly pacingBps: number;
  readonly rateBps: number;
  readonly deliveredBps: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly queueUs: number;
  /** The queue that is kept standing under load. */
  readonly targetUs: number;
  /** Loss that is not for lack of capacity. */
  readonly lossRatio: number;
  /** Round trip without the queue, back over the path of the acknowledgements. */
  readonly pipeUs: number;
}
