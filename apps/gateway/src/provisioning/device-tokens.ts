import { Inject, Injectable } from '@nestjs/common';
import { FleetService } from '../fleet/fleet.service.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { KeyRing } from '../kernel/key-ring.js';

/** Audience of the tokens that devices carry. */
export const DEVICE_AUDIENCE = 'corridor-device';

export interface DeviceIdentity {
  readonly deviceId: string;
  readonly vehicleId: string;
}

/**
 * Access tokens of devices: signed by this gateway, short-lived, and good only while their device is active. Whether it
 * is, the fleet answers from memory: a revoked device is refused from the moment at which its revocation is committed,
 * however long its token would have lived, and no database is asked.
 */
@Injectable()
export class DeviceTokens {
  /** Revoked since the start, so that a cache that is just being filled cannot let one through. */
  readonly #revoked = new Set<string>();

  constructor(
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    events.on('device-revoked', ({ deviceId }) => this.#revoked.add(deviceId));
  }

  /** A JWT (EdDSA) for the device, good for `expiresInSeconds`. */
  sign(device: DeviceIdentity, expiresInSeconds: number): Promise<string> {
    const claims = { sub: device.deviceId, vehicle: device.vehicleId };
    return this.keys.signToken(claims, { audience: DEVICE_AUDIENCE, expiresInSeconds });
  }

  /** @throws DomainError `token-invalid` or `device-revoked`, both unauthenticated */
  async verify(jwt: string): Promise<DeviceIdentity> {
    const deviceId = await this.#subject(jwt);
    if (this.#revoked.has(deviceId)) throw deviceRevoked();
    const device = await this.fleet.activeDevice(deviceId);
    if (device === undefined) throw deviceRevoked();
    return { deviceId, vehicleId: device.vehicleId };
  }

  async #subject(jwt: string): Promise<string> {
    try {
      const { sub } = await this.keys.verifyToken(jwt, { audience: DEVICE_AUDIENCE });
      if (sub !== undefined) return sub;
    } catch {
      // Why a token is no good is nobody's business but ours, and ours is only that it is not.
    }
    throw new DomainError('unauthenticated', 'token-invalid', 'The access token is not valid, or no longer.');
  }
}

export function deviceRevoked(): DomainError {
  return new DomainError('unauthenticated', 'device-revoked', 'This device is not, or no longer, part of the fleet.');
}
