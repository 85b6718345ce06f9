import { Injectable } from '@nestjs/common';

/** Which active devices follow the policy of which vehicle. */
@Injectable()
export class DeviceBook {
  readonly #vehicles = new Map<string, string>();
  readonly #devices = new Map<string, readonly string[]>();

  /** Answers false when the device was known already. */
  add(deviceId: string, vehicleId: string): boolean {
    if (this.#vehicles.get(deviceId) === vehicleId) return false;
    this.remove(deviceId);
    this.#vehicles.set(deviceId, vehicleId);
    this.#devices.set(vehicleId, [...this.devicesOf(vehicleId), deviceId]);
    return true;
  }

  remove(deviceId: string): void {
    const vehicleId = this.#vehicles.get(deviceId);
    if (vehicleId === undefined) return;
    this.#vehicles.delete(deviceId);
    const rest = this.devicesOf(vehicleId).filter((each) => each !== deviceId);
    if (rest.length === 0) this.#devices.delete(vehicleId);
    else this.#devices.set(vehicleId, rest);
  }

  vehicleOf(deviceId: string): string | undefined {
    return this.#vehicles.get(deviceId);
  }

  devicesOf(vehicleId: string): readonly string[] {
    return this.#devices.get(vehicleId) ?? [];
  }

  has(vehicleId: string): boolean {
    return this.#devices.has(vehicleId);
  }

  vehicleIds(): string[] {
    return [...this.#devices.keys()];
  }
}
