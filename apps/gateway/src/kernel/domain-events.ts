import { EventEmitter } from 'node:events';
import type {
  AgentStatus,
  MetricFrame,
  PolicyAck,
  PolicyRequest,
  RecordedEvent,
  TelemetryBatch,
  VehicleEvent,
} from '@corridor/contracts';
import type { HostEvent } from '@corridor/tunnel-host';
import { Injectable } from '@nestjs/common';

/** A device that may take part: enrolled and approved. */
export interface ActiveDevice {
  readonly deviceId: string;
  readonly vehicleId: string;
  readonly vehicleName: string;
  /** X25519, base64: the keys its tunnel may use; the second one while it rotates. */
  readonly tunnelPublicKeys: readonly string[];
  /** Inner prefixes that are the vehicle's, its overlay addresses first. */
  readonly prefixes: readonly string[];
}

/** What one domain tells the others, after it is committed. Listeners must not throw and must not take long. */
export interface DomainEventMap {
  /** Anything that a vehicle's REST representation shows, except its status. */
  'vehicle-changed': { readonly vehicleId: string };
  'vehicle-removed': { readonly vehicleId: string };
  'group-changed': { readonly groupId: string };
  /** Newly enrolled, approved, or with other keys or prefixes. */
  'device-active': ActiveDevice;
  'device-revoked': { readonly deviceId: string; readonly vehicleId: string; readonly reason: string };
  /** The device's MQTT session at the broker. */
  'device-connected': { readonly deviceId: string };
  'device-disconnected': { readonly deviceId: string; readonly reason: string };
  /** The gateway's own connection to the broker. */
  'bus-state': { readonly connected: boolean };
  /** Documents from devices: read and valid. `receivedAtMs` is UTC. */
  /** `retained`: the broker had kept it, so it says nothing about now. */
  'agent-status': {
    readonly deviceId: string;
    readonly status: AgentStatus;
    readonly receivedAtMs: number;
    readonly retained: boolean;
  };
  'telemetry-batch': { readonly deviceId: string; readonly batch: TelemetryBatch; readonly receivedAtMs: number };
  'policy-request': { readonly deviceId: string; readonly request: PolicyRequest };
  'policy-ack': { readonly deviceId: string; readonly ack: PolicyAck };
  /** Target or applied policy of a vehicle is another, or has another state. */
  'policy-state': { readonly vehicleId: string };
  /** Something that the gateway itself noticed about a vehicle and that has to be recorded. `atMs` is UTC. */
  'event-occurred': { readonly vehicleId: string; readonly event: VehicleEvent; readonly atMs: number };
  /** From the gateway's own end of the tunnels. */
  'tunnel-event': HostEvent;
  /** A second's figures of the gateway's own end; key is the vehicle's id. */
  'gateway-frame': {
    readonly vehicleId: string;
    readonly frame: MetricFrame;
    readonly atMs: number;
    /** When an authentic datagram of the vehicle last arrived, UTC; null: not since the engine started. */
    readonly heardAtMs: number | null;
  };
  /** The engine of all tunnels runs, or died and will be started again. */
  'tunnel-state': { readonly running: boolean; readonly reason: string };
  /** The newest state of a vehicle changed (frames, channels, links). Fires for each frame: coalesce. */
  'status-changed': { readonly vehicleId: string };
  /** Committed or at least queued; for the live feed. */
  'event-recorded': RecordedEvent;
  /** An operator's rights, password or session ended. */
  'operator-changed': { readonly operatorId: string };
}

@Injectable()
export class DomainEvents {
  readonly #emitter = new EventEmitter().setMaxListeners(100);

  emit<K extends keyof DomainEventMap>(name: K, event: DomainEventMap[K]): void {
    this.#emitter.emit(name, event);
  }

  /** Answers a function that ends the subscription. */
  on<K extends keyof DomainEventMap>(name: K, listener: (event: DomainEventMap[K]) => void): () => void {
    this.#emitter.on(name, listener);
    return () => this.#emitter.off(name, listener);
  }
}
