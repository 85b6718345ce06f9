import type { PathState } from '@corridor/strategy';

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
    }
  | {
      readonly type: 'policy';
      readonly atUs: number;
      readonly peer: string;
      readonly version: number;
      readonly outcome: 'applied' | 'acknowledged' | 'rejected';
      readonly reason: string;
    };
