import { Inject, Injectable, Logger } from '@nestjs/common';
import { type ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { FleetOverlay } from './fleet-overlay.js';
import { activeDeviceOf } from './representation.js';

/**
 * Tells the other domains what became of a device, in an order that is true: readings of the registry follow each other,
 * so that the newest is told last, and a device that was revoked is never told to be active again, as a reading that began
 * before its revocation would have it.
 */
@Injectable()
export class DeviceAnnouncements {
  readonly #log = new Logger('fleet');
  readonly #revoked = new Set<string>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(FleetRepository) private readonly repository: FleetRepository,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(DomainEvents) private readonly events: DomainEvents,
  ) {}

  /**
   * The vehicle's device, or what it is told about it, may be another now. Never fails: what could not be read is found by
   * the next comparison of memory and registry.
   */
  active(vehicleId: string): Promise<void> {
    const told = this.#tail.then(() => this.#readAndTell(vehicleId));
    this.#tail = told;
    return told;
  }

  /** At once: the listeners have cut it off when this returns. */
  revoked(deviceId: string, vehicleId: string, reason: string): void {
    this.#revoked.add(deviceId);
    this.events.emit('device-revoked', { deviceId, vehicleId, reason });
  }

  /** Since this process began. */
  isRevoked(deviceId: string): boolean {
    return this.#revoked.has(deviceId);
  }

  /** A device as the registry had it a moment ago. */
  tell(device: ActiveDevice): void {
    if (!this.#revoked.has(device.deviceId)) this.events.emit('device-active', device);
  }

  async #readAndTell(vehicleId: string): Promise<void> {
    try {
      const record = await this.repository.activeDeviceOfVehicle(vehicleId);
      if (record !== undefined) this.tell(activeDeviceOf(record, this.overlay));
    } catch (error) {
      this.#log.warn(`the device of vehicle ${vehicleId} could not be read: ${(error as Error).message}`);
    }
  }
}
