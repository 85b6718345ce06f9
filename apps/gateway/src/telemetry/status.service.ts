import type { PolicyStatus, VehicleStatus } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DomainEvents } from '../kernel/domain-events.js';
import { StatusRecord } from './status-record.js';

const NO_POLICY: PolicyStatus = {
  target: 0,
  targetDigest: null,
  applied: 0,
  appliedDigest: null,
  state: 'none',
  reason: '',
  at: null,
};

/**
 * The newest state of every vehicle, in memory: asked for by REST and the live feed, never by a query. Depends on nothing
 * but the domain events, so that every module may use it.
 */
@Injectable()
export class StatusService {
  readonly #records = new Map<string, StatusRecord>();
  #policyOf: (vehicleId: string) => PolicyStatus = () => NO_POLICY;

  constructor(@Inject(DomainEvents) events: DomainEvents) {
    events.on('vehicle-removed', ({ vehicleId }) => this.#records.delete(vehicleId));
  }

  /** Where the policy's part comes from: PolicyService.statusOf, set once at start. */
  usePolicyStatus(source: (vehicleId: string) => PolicyStatus): void {
    this.#policyOf = source;
  }

  /** Never fails: a vehicle without any evidence is "never" seen. */
  statusOf(vehicleId: string): VehicleStatus {
    const record = this.#records.get(vehicleId) ?? new StatusRecord();
    return record.status(this.#policyOf(vehicleId));
  }
}
