import type { Device } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { DeviceActor, OperatorActor } from '../auth/actor.js';
import { authorOf } from '../fleet/author.js';
import { DeviceAnnouncements } from '../fleet/device-announcements.js';
import { deviceOf } from '../fleet/representation.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { ProvisioningRepository } from '../store/provisioning-repository.js';

/**
 * What is decided about devices. Tunnel, broker and API hear of a revocation by its event, whoever made it: an operator, an
 * archive, a device in its place, or the device itself.
 */
@Injectable()
export class DeviceLifecycleService {
  constructor(
    @Inject(ProvisioningRepository) private readonly repository: ProvisioningRepository,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** @throws DomainError `device-unknown`, `device-not-pending` */
  async approve(actor: OperatorActor, id: string): Promise<Device> {
    const { device, replaced } = await this.repository.approve(authorOf(actor), id, this.#now());
    const { vehicleId } = device;
    for (const deviceId of replaced) this.announcements.revoked(deviceId, vehicleId, 'replaced by another device');
    await this.announcements.active(vehicleId);
    this.#told(vehicleId, `${device.hostname} was approved by ${actor.username}`);
    return deviceOf(device);
  }

  /** Everybody was told when this answers. @throws DomainError `device-unknown` */
  async revoke(actor: OperatorActor, id: string, reason: string): Promise<Device> {
    const device = await this.repository.revoke(authorOf(actor), id, reason, this.#now());
    const { vehicleId } = device;
    this.announcements.revoked(id, vehicleId, device.revokedReason ?? reason);
    this.#told(vehicleId, `${device.hostname} was revoked by ${actor.username}: ${reason}`);
    return deviceOf(device);
  }

  /** A device that is taken out of service says so itself: nobody has to remember to revoke it. */
  async leave({ deviceId, vehicleId }: DeviceActor): Promise<void> {
    const { hostname } = await this.repository.leave(deviceId, 'unenrolled on the device', this.#now());
    this.announcements.revoked(deviceId, vehicleId, 'unenrolled on the device');
    this.#told(vehicleId, `${hostname} was unenrolled on the device`);
  }

  #told(vehicleId: string, reason: string): void {
    this.events.emit('vehicle-changed', { vehicleId });
    const event = { kind: 'event', v: 1, type: 'agent', reason } as const;
    this.events.emit('event-occurred', { vehicleId, event, atMs: this.clock.nowMs() });
  }

  #now(): Date {
    return new Date(this.clock.nowMs());
  }
}
