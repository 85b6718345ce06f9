import type { ClassMetrics, LinkStatus, MetricFrame, PathMetrics, Position, VehicleStatus } from '@corridor/contracts';
import { Channel } from './channel.js';

/** Everything that is known of one vehicle's state, in memory. */
export class StatusRecord {
  readonly tunnel = new Channel('no authentic packet');
  readonly control = new Channel('no message');
  position: VehicleStatus['position'] = null;
  #vehiclePaths: readonly PathMetrics[] = [];
  #gatewayPaths: readonly PathMetrics[] = [];
  #classes: readonly ClassMetrics[] = [];
  #vehicleFrameMs = Number.NEGATIVE_INFINITY;

  /** A frame of the vehicle that was measured at `atMs`; one that was spooled and is older than what is shown is not. */
  vehicleFrame(frame: MetricFrame, atMs: number): boolean {
    if (atMs < this.#vehicleFrameMs) return false;
    this.#vehicleFrameMs = atMs;
    this.#vehiclePaths = frame.paths;
    this.#classes = frame.classes;
    if (frame.position) this.position = { ...(frame.position as Position), at: new Date(atMs).toISOString() };
    return true;
  }

  gatewayFrame(frame: MetricFrame): void {
    this.#gatewayPaths = frame.paths;
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
      position: this.position,
      policy,
    };
  }
}
