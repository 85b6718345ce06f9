import { MAX_FIGURES, type VehicleEvent } from '@corridor/contracts';
import { linkName } from './frame.js';
import { ratio, whole } from './numbers.js';

export interface SpendingLike {
  readonly mode: string;
  readonly copies: number;
  readonly repairPermille: number;
}

export interface FiguresLike {
  readonly path: string;
  readonly pathId: number;
  readonly state: string;
  readonly oneWayDelayUs: number;
  readonly queueUs: number;
  readonly lossRatio: number;
  readonly burstPackets: number;
  readonly capacityBps: number;
  readonly deliveredBps: number;
  readonly warnings: readonly string[];
  readonly placeBefore: number;
  readonly placeAfter: number;
}

export interface FeltLike {
  readonly spanUs: number;
  readonly packets: number;
  readonly retransmissions: number;
  readonly queueDrops: number;
  readonly waiting: number;
  readonly demandBps: number;
  readonly sentBps: number;
}

/** What an event is made of: the tunnel host's `HostEvent` has this shape. */
export type EventLike =
  | { readonly type: 'session'; readonly state: string; readonly reason: string }
  | {
      readonly type: 'path-state';
      readonly path: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | { readonly type: 'path-added' | 'path-removed'; readonly path: string }
  | { readonly type: 'path-moved'; readonly path: string; readonly from: string; readonly to: string }
  | {
      readonly type: 'path-switch';
      readonly trafficClass: string;
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly reason: string;
      readonly replayed: number;
      readonly before: SpendingLike;
      readonly after: SpendingLike;
      readonly figures: readonly FiguresLike[];
      readonly demandBps: number;
    }
  | {
      readonly type: 'protection';
      readonly trafficClass: string;
      readonly paths: readonly string[];
      readonly reason: string;
      readonly before: SpendingLike;
      readonly after: SpendingLike;
      readonly figures: readonly FiguresLike[];
      readonly demandBps: number;
      readonly changes: number;
    }
  | {
      readonly type: 'path-switch-effect';
      readonly trafficClass: string;
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly switches: number;
      readonly after: SpendingLike;
      readonly figures: readonly FiguresLike[];
      readonly felt: FeltLike;
    }
  | { readonly type: 'policy'; readonly version: number; readonly outcome: string; readonly reason: string }
  | { readonly type: 'uplink'; readonly uplink: string; readonly state: string; readonly reason: string }
  | { readonly type: 'warning'; readonly reason: string };

/** The event as the control plane records it; undefined for what happens by the clock and tells people nothing. */
export function eventOf(event: EventLike): VehicleEvent | undefined {
  switch (event.type) {
    case 'session':
      // Keys change every two minutes.
      return event.state === 'rekeyed' ? undefined : vehicleEvent(event.type, event.reason, { to: event.state });
    case 'path-state':
      return vehicleEvent(event.type, event.reason, { path: named(event.path), from: event.from, to: event.to });
    case 'path-added':
    case 'path-removed': {
      const done = event.type === 'path-added' ? 'was added' : 'was removed';
      return vehicleEvent(event.type, `path ${event.path} ${done}`, { path: named(event.path) });
    }
    case 'path-moved':
      return vehicleEvent(event.type, `the other end of ${event.path} has a new address`, {
        path: named(event.path),
        from: event.from,
        to: event.to,
      });
    case 'path-switch':
      return vehicleEvent(event.type, event.reason, {
        trafficClass: event.trafficClass.slice(0, 32),
        from: [...event.from],
        to: [...event.to],
        replayed: event.replayed,
        ...spendings(event),
        figures: figuresOf(event.figures),
        demandBps: whole(event.demandBps),
      });
    case 'protection':
      return vehicleEvent(event.type, event.reason, {
        trafficClass: event.trafficClass.slice(0, 32),
        to: [...event.paths],
        ...spendings(event),
        figures: figuresOf(event.figures),
        demandBps: whole(event.demandBps),
        changes: event.changes,
      });
    case 'path-switch-effect':
      return vehicleEvent(event.type, effectWords(event.switches, event.felt.spanUs), {
        trafficClass: event.trafficClass.slice(0, 32),
        from: [...event.from],
        to: [...event.to],
        after: spending(event.after),
        figures: figuresOf(event.figures),
        switches: event.switches,
        felt: feltOf(event.felt),
      });
    case 'policy':
      // That the other end has it is what the policy's own acknowledgement says.
      return event.outcome === 'acknowledged'
        ? undefined
        : vehicleEvent(event.type, event.reason, { to: event.outcome, version: event.version });
    case 'uplink':
      return vehicleEvent(event.type, event.reason, { path: named(event.uplink), to: event.state });
    case 'warning':
      return vehicleEvent(event.type, event.reason, {});
  }
}

function vehicleEvent(type: VehicleEvent['type'], reason: string, detail: Partial<VehicleEvent>): VehicleEvent {
  return { kind: 'event', v: 1, type, reason: reason.slice(0, 500), ...detail };
}

function effectWords(switches: number, spanUs: number): string {
  const seconds = `${(spanUs / 1e6).toFixed(1)} s`;
  return switches === 1 ? `${seconds} after the switch` : `${seconds} after the first of ${switches} switches`;
}

function spendings(event: { readonly before: SpendingLike; readonly after: SpendingLike }) {
  return { before: spending(event.before), after: spending(event.after) };
}

function spending({ mode, copies, repairPermille }: SpendingLike) {
  return { mode, copies, repairPermille };
}

function figuresOf(figures: readonly FiguresLike[]) {
  return figures.slice(0, MAX_FIGURES).map((one) => ({
    path: linkName(one.path, `path-${one.pathId}`),
    state: one.state,
    oneWayDelayUs: whole(one.oneWayDelayUs),
    queueUs: whole(one.queueUs),
    lossRatio: ratio(one.lossRatio, 1),
    burstPackets: Math.max(0, one.burstPackets),
    capacityBps: whole(one.capacityBps),
    deliveredBps: whole(one.deliveredBps),
    warnings: [...one.warnings],
    placeBefore: one.placeBefore,
    placeAfter: one.placeAfter,
  }));
}

function feltOf(felt: FeltLike) {
  return {
    spanUs: whole(felt.spanUs),
    packets: whole(felt.packets),
    retransmissions: whole(felt.retransmissions),
    queueDrops: whole(felt.queueDrops),
    waiting: whole(felt.waiting),
    demandBps: whole(felt.demandBps),
    sentBps: whole(felt.sentBps),
  };
}

function named(path: string): string {
  return linkName(path, 'unnamed');
}
