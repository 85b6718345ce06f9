/** One flow of stamped packets between a vehicle and the hospital, and what its receiver counts. */

import type { Engine } from '@corridor/tunnel';
import type { EngineHost } from './engine-host.js';
import { FlowRecorder } from './flow-recorder.js';
import type { Random } from './random.js';
import { type FlowResult, type Scenario, type TrafficSpec, trafficIntervalUs, trafficWindow } from './scenario.js';
import { type StampedPacket, writeStampedPacket } from './stamped-packet.js';
import type { VirtualClock } from './virtual-clock.js';

/** Inner addresses: vehicle n is 10.77.0.2 + n, the hospital 10.99.0.2. */
const VEHICLE_BASE = 0x0a4d0002;
export const HOSPITAL = 0x0a630002;
export const PORT_BASE = 5_000;

export function vehicleInnerHost(vehicle: number): number {
  return VEHICLE_BASE + vehicle;
}

/** `10.77.0.2/32` */
export function vehiclePrefix(vehicle: number): string {
  const host = vehicleInnerHost(vehicle);
  return `${host >>> 24}.${(host >> 16) & 0xff}.${(host >> 8) & 0xff}.${host & 0xff}/32`;
}

export interface FlowPlace {
  readonly vehicle: number;
  /** Number of the flow over all vehicles: what its packets carry. */
  readonly id: number;
  /** Name within the vehicle. */
  readonly name: string;
}

export class TrafficFlow {
  readonly recorder: FlowRecorder;
  private readonly packet: StampedPacket;
  private readonly startUs: number;
  private readonly stopUs: number;
  private readonly intervalUs: number;
  private sent = 0;

  /**
   * @param sender the host that sends at the time of the call: the gateway's changes when it restarts.
   * @param observe told of every packet that a host takes.
   */
  constructor(
    private readonly clock: VirtualClock,
    scenario: Scenario,
    private readonly spec: TrafficSpec,
    place: FlowPlace,
    random: Random,
    private readonly sender: () => EngineHost<Engine> | undefined,
    private readonly observe: (sequence: number) => void,
  ) {
    const { vehicle, id, name } = place;
    this.recorder = new FlowRecorder({ vehicle, flow: name, kind: spec.kind, direction: spec.direction });
    this.intervalUs = trafficIntervalUs(spec);
    const window = trafficWindow(scenario, spec);
    // A phase of its own, so that runs differ in where a failure hits between two packets.
    this.startUs = window.startUs + random.next() * this.intervalUs;
    this.stopUs = window.stopUs;
    const inside = vehicleInnerHost(vehicle);
    const isUp = spec.direction === 'up';
    this.packet = {
      source: isUp ? inside : HOSPITAL,
      destination: isUp ? HOSPITAL : inside,
      sourcePort: PORT_BASE + id,
      destinationPort: PORT_BASE + id,
      dscp: spec.dscp ?? 0,
      flow: id,
      sequence: 0,
      sentAtUs: 0,
    };
  }

  start(): void {
    this.scheduleNext();
  }

  /** Exact result as of now, when the run is over. */
  result(): FlowResult {
    return this.recorder.result(this.sent, this.stopUs);
  }

  private scheduleNext(): void {
    // Computed from the number, not added up: no drift in long runs.
    const atUs = this.startUs + this.sent * this.intervalUs;
    if (atUs < this.stopUs) this.clock.schedule(atUs, () => this.sendNext());
  }

  private sendNext(): void {
    const { packet, spec } = this;
    packet.sequence = this.sent++;
    packet.sentAtUs = Math.round(this.clock.nowUs);
    const host = this.sender();
    if (host !== undefined) this.observe(packet.sequence);
    host?.send((slab, offset) => {
      writeStampedPacket(slab, offset, spec.bytes, packet);
      return spec.bytes;
    });
    this.scheduleNext();
  }
}
