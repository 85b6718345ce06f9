import type { Device } from '@corridor/contracts';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OperatorActor } from '../auth/actor.js';
import { BrokerAccess } from '../broker/broker-access.js';
import { authorOf } from '../fleet/author.js';
import { DeviceAnnouncements } from '../fleet/device-announcements.js';
import { deviceOf } from '../fleet/representation.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { ProvisioningRepository } from '../store/provisioning-repository.js';

/** What operators decide about devices. */
@Injectable()
export class DeviceLifecycleService {
  readonly #log = new Logger('provisioning');

  constructor(
    @Inject(ProvisioningRepository) private readonly repository: ProvisioningRepository,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(BrokerAccess) private readonly broker: BrokerAccess,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    // Whoever ended it, an operator, an archive or a device in its place: tunnel and API hear of it themselves.
    events.on('device-revoked', ({ deviceId }) => void this.#shutOut(deviceId));
  }

  /** @throws DomainError `device-unknown`, `device-not-pending` */
  async approve(actor: OperatorActor, id: string): Promise<Device> {
    const { device, replaced } = await this.repository.approve(authorOf(actor), id, this.#now());
    const { vehicleId } = device;
    for (const deviceId of replaced) this.announcements.revoked(deviceId, vehicleId, 'replaced by another device');
    await this.announcements.active(vehicleId);
    this.#told(vehicleId, `${device.hostname} was approved by ${actor.username}`);
    return deviceOf(device);
  }

  /** Tunnel, MQTT and API are cut when this answers. @throws DomainError `device-unknown` */
  async revoke(actor: OperatorActor, id: string, reason: string): Promise<Device> {
    const device = await this.repository.revoke(authorOf(actor), id, reason, this.#now());
    const { vehicleId } = device;
    this.announcements.revoked(id, vehicleId, device.revokedReason ?? reason);
    this.#told(vehicleId, `${device.hostname} was revoked by ${actor.username}: ${reason}`);
    return deviceOf(device);
  }

  #told(vehicleId: string, reason: string): void {
    this.events.emit('vehicle-changed', { vehicleId });
    const event = { kind: 'event', v: 1, type: 'agent', reason } as const;
    this.events.emit('event-occurred', { vehicleId, event, atMs: this.clock.nowMs() });
  }

  async #shutOut(deviceId: string): Promise<void> {
    try {
      await this.broker.revoke(deviceId);
    } catch (error) {
      this.#log.error(`device ${deviceId} could not be shut out of the broker: ${(error as Error).message}`);
    }
  }

  #now(): Date {
    return new Date(this.clock.nowMs());
  }
}
