import type { VehicleEvent } from '@corridor/contracts';
import { linkName } from './frame.js';

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

function named(path: string): string {
  return linkName(path, 'unnamed');
}
