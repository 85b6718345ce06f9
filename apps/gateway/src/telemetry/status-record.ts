import type {
  AgentStatus,
  ClassMetrics,
  LinkStatus,
  MetricFrame,
  PathMetrics,
  VehicleStatus,
} from '@corridor/contracts';
import { Channel } from './channel.js';

/** Place of something in a device's life: later sessions, and later numbers within one, are newer. */
interface Place {
  readonly session: number;
  readonly number: number;
}

const BEFORE_ALL: Place = { session: 0, number: -1 };

/** Everything that is known of one vehicle's state, in memory. */
export class StatusRecord {
  readonly tunnel = new Channel('no authentic packet');
  readonly control = new Channel('no message');
  #position: VehicleStatus['position'] = null;
  #vehiclePaths: readonly PathMetrics[] = [];
  #gatewayPaths: readonly PathMetrics[] = [];
  #classes: readonly ClassMetrics[] = [];
  #frame = BEFORE_ALL;
  #beat = BEFORE_ALL;

  /** A frame of the vehicle's own end. One that waited in the vehicle and is older than what is shown changes nothing. */
  vehicleFrame(frame: MetricFrame, atMs: number, session: number, seq: number): void {
    if (!isAfter({ session, number: seq }, this.#frame)) return;
    this.#frame = { session, number: seq };
    this.#vehiclePaths = frame.paths;
    this.#classes = frame.classes;
    if (frame.position) this.#position = { ...frame.position, at: new Date(atMs).toISOString() };
  }

  gatewayFrame(frame: MetricFrame): void {
    const { session } = frame.tunnel;
    const up = frame.paths.filter(({ state }) => state === 'up').length;
    this.#gatewayPaths = frame.paths;
    this.tunnel.evidence.alive =
      session === 'established' ? `session established, ${up} of ${paths(frame.paths.length)} up` : 'session begins';
  }

  /**
   * A status document of the agent, or its will. Topics are not ordered against each other and a will may come late: what an
   * older session or an earlier heartbeat says is no news. Answers whether it was.
   */
  agentStatus({ state, session, beat, reason }: AgentStatus, atMs: number): boolean {
    const place = { session, number: beat };
    if (isAfter(this.#beat, place)) return false;
    this.#beat = place;
    if (state === 'online') {
      this.control.seen(atMs);
    } else {
      this.control.evidence.gone = reason === '' ? 'the agent is gone' : reason;
    }
    return true;
  }

  links(): LinkStatus[] {
    const byName = new Map<string, { name: string; vehicle: PathMetrics | null; gateway: PathMetrics | null }>();
    for (const vehicle of this.#vehiclePaths) byName.set(vehicle.name, { name: vehicle.name, vehicle, gateway: null });
    for (const gateway of this.#gatewayPaths) {
      const link = byName.get(gateway.name);
      if (link) link.gateway = gateway;
      else byName.set(gateway.name, { name: gateway.name, vehicle: null, gateway });
    }
    return [...byName.values()];
  }

  status(policy: VehicleStatus['policy']): VehicleStatus {
    return {
      tunnel: this.tunnel.status(),
      control: this.control.status(),
      links: this.links(),
      classes: [...this.#classes],
      position: this.#position,
      policy,
    };
  }
}

function isAfter(a: Place, b: Place): boolean {
  return a.session > b.session || (a.session === b.session && a.number > b.number);
}

function paths(count: number): string {
  return count === 1 ? '1 path' : `${count} paths`;
}
