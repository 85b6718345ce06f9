import { type EnrolmentAnswer, EnrolmentRequest } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DeviceAnnouncements } from '../fleet/device-announcements.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { type Enrolled, ProvisioningRepository } from '../store/provisioning-repository.js';
import { hashSecret } from './claims.service.js';
import { DeviceAccessService } from './device-access.service.js';
import { canonicalTunnelKey, readSigned } from './signed-request.js';

/** A Pi becomes a vehicle's device by a claim. */
@Injectable()
export class EnrolmentService {
  constructor(
    @Inject(ProvisioningRepository) private readonly repository: ProvisioningRepository,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(DeviceAccessService) private readonly access: DeviceAccessService,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /**
   * Enrolling again with the same keys and the same claim answers the same device: radio may lose the first answer.
   *
   * @throws DomainError `bad-signature`, `document-…`, `claim-unknown`, `claim-used`, `claim-expired`, `claim-revoked`, `key-taken`
   */
  async enrol(jws: string): Promise<EnrolmentAnswer> {
    const { document, signer } = await readSigned(EnrolmentRequest, jws);
    const { claimId, secret, hostname, model, agentVersion } = document;
    const tunnelPublicKey = canonicalTunnelKey(document.tunnelPublicKey);
    const fields = { identityKey: signer, tunnelPublicKey, hostname, model, agentVersion };
    const request = { claimId, secretHash: hashSecret(secret), ...fields };
    const enrolled = await this.repository.enrol(request, newId(), new Date(this.clock.nowMs()));
    if (!enrolled.again) await this.#tell(enrolled);
    return this.access.answer(enrolled.device.id);
  }

  async #tell({ device, replaced }: Enrolled): Promise<void> {
    const { vehicleId, hostname, state } = device;
    for (const deviceId of replaced) this.announcements.revoked(deviceId, vehicleId, 'replaced by another device');
    if (state === 'active') await this.announcements.active(vehicleId);
    this.events.emit('vehicle-changed', { vehicleId });
    const reason = state === 'active' ? `${hostname} enrolled` : `${hostname} enrolled and waits for approval`;
    this.events.emit('event-occurred', {
      vehicleId,
      event: { kind: 'event', v: 1, type: 'agent', reason },
      atMs: this.clock.nowMs(),
    });
  }
}
