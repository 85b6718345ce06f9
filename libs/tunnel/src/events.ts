import type { PathState, PathWarning, PlanMode } from '@corridor/strategy';

/** What a plan spends on packets of a class: see `Plan` of the strategies. */
export interface ClassSpending {
  readonly mode: PlanMode;
  /** Extra copies of each packet, beside those of mode `copies`. */
  readonly copies: number;
  /** Repair bytes per byte sent, thousandths. */
  readonly repairPermille: number;
}

/**
 * What was known of one path when something was decided, in the direction in which this end sends: the snapshot that
 * the strategy saw. Figures are 0 until first measured.
 */
export interface PathFigures {
  readonly path: string;
  readonly pathId: number;
  /** `down` also for a path that was taken away. */
  readonly state: PathState;
  /** One-way delay, and how much of it is a standing queue, microseconds. */
  readonly oneWayDelayUs: number;
  readonly queueUs: number;
  /** 0 to 1, and the mean length of loss bursts in packets. */
  readonly lossRatio: number;
  readonly burstPackets: number;
  /** What the path can carry as congestion control estimates it, and what arrived at the other end, bits per second. */
  readonly capacityBps: number;
  readonly deliveredBps: number;
  /** Early warnings in force. */
  readonly warnings: readonly PathWarning[];
  /** Its place among the paths of the class before and after, 1 is the first; 0: not among them. */
  readonly placeBefore: number;
  readonly placeAfter: number;
}

/** What a class felt over a stretch of time. */
export interface ClassFelt {
  /** Of that stretch, microseconds. */
  readonly spanUs: number;
  /** Packets that applications handed over. */
  readonly packets: number;
  /** Packets that went again: taken for lost, or because their path was in doubt. */
  readonly retransmissions: number;
  /** Packets given up in the queue: to keep it short, as too old, as too many. */
  readonly queueDrops: number;
  /** Packets that wait for their turn now. */
  readonly waiting: number;
  /** What applications handed over, and what of it went out for the first time, bits per second. */
  readonly demandBps: number;
  readonly sentBps: number;
}

/** Something that people or the control plane want to know. Plain data, safe to send between threads. */
export type EngineEvent =
  | {
      readonly type: 'session';
      readonly atUs: number;
      readonly peer: string;
      readonly state: 'established' | 'rekeyed' | 'lost' | 'closed';
      readonly reason: string;
    }
  | {
      readonly type: 'path-state';
      readonly atUs: number;
      readonly peer: string;
      readonly path: string;
      readonly pathId: number;
      readonly from: PathState;
      readonly to: PathState;
      readonly reason: string;
    }
  | {
      readonly type: 'path-added' | 'path-removed';
      readonly atUs: number;
      readonly peer: string;
      readonly path: string;
      readonly pathId: number;
    }
  /** The remote address of a path changed: NAT rebinding, modem with a new address. */
  | {
      readonly type: 'path-moved';
      readonly atUs: number;
      readonly peer: string;
      readonly path: string;
      readonly pathId: number;
      readonly from: string;
      readonly to: string;
    }
  /** Traffic of a class moved: the plan names other paths than before. */
  | {
      readonly type: 'path-switch';
      readonly atUs: number;
      readonly peer: string;
      readonly trafficClass: string;
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly reason: string;
      /** Packets sent again on another path because they were not acknowledged yet. */
      readonly replayed: number;
      readonly before: ClassSpending;
      readonly after: ClassSpending;
      /** Every path of `from` and `to`, at the moment of the decision; empty for a class that was sending nothing. */
      readonly figures: readonly PathFigures[];
      /** What the class was sending, bits per second. */
      readonly demandBps: number;
    }
  /** The class stays on its paths, but spends more or less on copies and repair. At most one per class and 2 s. */
  | {
      readonly type: 'protection';
      readonly atUs: number;
      readonly peer: string;
      readonly trafficClass: string;
      readonly paths: readonly string[];
      readonly reason: string;
      readonly before: ClassSpending;
      readonly after: ClassSpending;
      readonly figures: readonly PathFigures[];
      readonly demandBps: number;
      /** How often it changed since the last event: more than one where it came and went. */
      readonly changes: number;
    }
  /**
   * What became of switches, told 2 s after the last one and at most 4 s after the first, for classes that sent something:
   * the paths as they are now, and what the class felt since the first. At most one per class and 2 s.
   */
  | {
      readonly type: 'path-switch-effect';
      readonly atUs: number;
      readonly peer: string;
      readonly trafficClass: string;
      /** Paths of the class before the first switch, and now. */
      readonly from: readonly string[];
      readonly to: readonly string[];
      /** When the first of the switches was, and how many there were. */
      readonly sinceUs: number;
      readonly switches: number;
      readonly after: ClassSpending;
      readonly figures: readonly PathFigures[];
      readonly felt: ClassFelt;
    }
  | {
      readonly type: 'policy';
      readonly atUs: number;
      readonly peer: string;
      readonly version: number;
      readonly outcome: 'applied' | 'acknowledged' | 'rejected';
      readonly reason: string;
    };
