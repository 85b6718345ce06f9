import { type Challenge, type EnrolmentAnswer, ProofOfPossession } from '@corridor/contracts';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DeviceAnnouncements } from '../fleet/device-announcements.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { DeviceKeyRepository, type RegisteredDevice } from '../store/device-key-repository.js';
import { Challenges } from './challenges.js';
import { CredentialsService } from './credentials.service.js';
import { deviceRevoked } from './device-tokens.js';
import { canonicalTunnelKey, canonicalX, readSigned } from './signed-request.js';

/** How soon a device that waits for an operator asks again. Seconds. */
const PENDING_RETRY_SECONDS = 5;

/** How a device gets its credentials again and again: it proves that it still has its identity key. */
@Injectable()
export class DeviceAccessService {
  readonly #log = new Logger('provisioning');

  constructor(
    @Inject(DeviceKeyRepository) private readonly repository: DeviceKeyRepository,
    @Inject(Challenges) private readonly challenges: Challenges,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Whether there is such a device is told to nobody but the device itself. */
  challenge(deviceId: string): Challenge {
    return this.challenges.give(deviceId);
  }

  /**
   * @throws DomainError `bad-signature`, `document-…`, `device-unknown`, `challenge-unknown`, `device-revoked`, `rotation-…`,
   *   `key-taken`
   */
  async token(jws: string): Promise<EnrolmentAnswer> {
    const { document, signer } = await readSigned(ProofOfPossession, jws);
    const device = await this.repository.registered(document.deviceId);
    if (device === undefined) {
      throw new DomainError('unauthenticated', 'device-unknown', 'This gateway knows no such device.');
    }
    const isNext = signer === device.nextIdentityKey;
    if (signer !== device.identityKey && !isNext) {
      throw new DomainError(
        'unauthenticated',
        'bad-signature',
        'The proof is signed by another key than the device has.',
      );
    }
    this.challenges.take(device.id, document.challenge);
    if (device.state === 'revoked') throw deviceRevoked();
    if (device.state === 'active') await this.#rotate(device, document, isNext);
    return this.answer(device.id, document.agentVersion);
  }

  /**
   * What a device that has proven itself is told now.
   *
   * @throws DomainError `device-revoked`, `broker-offline`
   */
  async answer(deviceId: string, agentVersion?: string): Promise<EnrolmentAnswer> {
    const device = await this.repository.registered(deviceId);
    const head = { kind: 'enrolment-answer', v: 1, deviceId } as const;
    if (device === undefined || device.state === 'revoked') throw deviceRevoked();
    if (device.state === 'pending') return { ...head, state: 'pending', retryAfterSeconds: PENDING_RETRY_SECONDS };
    const credentials = await this.credentials.of(device);
    await this.#noteRenewal(device, agentVersion ?? device.agentVersion);
    return { ...head, state: 'active', credentials };
  }

  /** The first proof with the next key ends a rotation; a proof that names next keys begins one. Both may be in one. */
  async #rotate(device: RegisteredDevice, proof: ProofOfPossession, isNext: boolean): Promise<void> {
    const { nextIdentityKey, nextTunnelPublicKey } = proof;
    if (nextTunnelPublicKey !== undefined && nextIdentityKey === undefined) {
      throw new DomainError(
        'invalid',
        'rotation-incomplete',
        'Expected nextIdentityKey beside nextTunnelPublicKey: the first proof with it ends the rotation.',
      );
    }
    const current = isNext ? await this.repository.finishRotation(device) : device;
    if (nextIdentityKey !== undefined) {
      await this.repository.beginRotation(current, {
        nextIdentityKey: canonicalX(nextIdentityKey.x),
        nextTunnelPublicKey: nextTunnelPublicKey === undefined ? null : canonicalTunnelKey(nextTunnelPublicKey),
      });
    }
    if (!isNext && nextIdentityKey === undefined) return;
    const { vehicleId, hostname } = device;
    await this.announcements.active(vehicleId);
    this.events.emit('vehicle-changed', { vehicleId });
    if (!isNext) return;
    const event = { kind: 'event', v: 1, type: 'agent', reason: `${hostname} has new keys` } as const;
    this.events.emit('event-occurred', { vehicleId, event, atMs: this.clock.nowMs() });
  }

  /** A date for people: the credentials are good without it. */
  async #noteRenewal({ id }: RegisteredDevice, agentVersion: string): Promise<void> {
    try {
      await this.repository.renewed(id, new Date(this.clock.nowMs()), agentVersion);
    } catch (error) {
      this.#log.warn(`the renewal of device ${id} was not written down: ${(error as Error).message}`);
    }
  }
}
