import { Inject, Injectable } from '@nestjs/common';
import { type ActiveDevice, DomainEvents } from '../kernel/domain-events.js';

/** Which vehicle a device belongs to, in memory: messages come by device, everything that is shown is by vehicle. */
@Injectable()
export class DeviceDirectory {
  readonly #vehicles = new Map<string, string>();

  constructor(@Inject(DomainEvents) events: DomainEvents) {
    events.on('device-active', (device) => this.learn([device]));
    events.on('device-revoked', ({ deviceId }) => this.#vehicles.delete(deviceId));
  }

  /** What was active before the gateway started comes without an event. */
  learn(devices: readonly Pick<ActiveDevice, 'deviceId' | 'vehicleId'>[]): void {
    for (const { deviceId, vehicleId } of devices) this.#vehicles.set(deviceId, vehicleId);
  }

  /** Undefined for a device that is unknown or may not take part. */
  vehicleOf(deviceId: string): string | undefined {
    return this.#vehicles.get(deviceId);
  }
}
