import { Inject, Injectable } from '@nestjs/common';
import type { OperatorActor } from '../auth/actor.js';
import { Audit } from '../auth/audit.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { TunnelService } from '../tunnel/tunnel.service.js';
import { type DrillAction, drillLink } from './drill-socket.js';

/** Exercises: what happens when a link is taken away. Everybody can see afterwards who did it, and when. */
@Injectable()
export class DrillsService {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(TunnelService) private readonly tunnel: TunnelService,
    @Inject(Audit) private readonly audit: Audit,
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /**
   * Takes a path out of use at the gateway's end, or puts it back; both ends leave it alone until then. It lasts as long as
   * the vehicle's session.
   *
   * @throws DomainError `vehicle-unknown`, `link-unknown`, `tunnel-unavailable`
   */
  async block(actor: OperatorActor, vehicleId: string, link: string, blocked: boolean): Promise<void> {
    await this.fleet.vehicle(vehicleId, actor.organisationId);
    await this.tunnel.setPathBlocked(vehicleId, link, blocked);
    await this.#record(actor, blocked ? 'link.blocked' : 'link.unblocked', vehicleId, link);
  }

  /**
   * The demo only: the emulated link loses everything, or works again.
   *
   * @throws DomainError `drills-unavailable`, `vehicle-unknown`, `link-unknown`
   */
  async drill(actor: OperatorActor, vehicleId: string, link: string, action: DrillAction): Promise<void> {
    const { drillSocket } = this.config;
    const vehicle = await this.fleet.vehicle(vehicleId, actor.organisationId);
    if (drillSocket === null) {
      throw new DomainError(
        'conflict',
        'drills-unavailable',
        'The links of this gateway are real: nothing emulates them.',
      );
    }
    await drillLink(drillSocket, vehicle.name, link, action);
    await this.#record(actor, action === 'cut' ? 'link.cut' : 'link.restored', vehicleId, link);
  }

  async #record(actor: OperatorActor, action: string, vehicleId: string, link: string): Promise<void> {
    const done = action.slice('link.'.length);
    this.events.emit('event-occurred', {
      vehicleId,
      event: {
        kind: 'event',
        v: 1,
        type: 'warning',
        path: link,
        to: done,
        reason: `drill: ${actor.username} ${done} ${link}`,
      },
      atMs: this.clock.nowMs(),
    });
    await this.audit.record(actor, action, `vehicle:${vehicleId}`, { link });
  }
}
