import type { PolicyAck, PolicyStatus } from '@corridor/contracts';
import { Injectable } from '@nestjs/common';
import type { CurrentPolicy, InForce } from '../store/policy-repository.js';
import type { Settlement } from './acknowledgement.js';

const NONE: PolicyStatus = {
  target: 0,
  targetDigest: null,
  applied: 0,
  appliedDigest: null,
  state: 'none',
  reason: '',
  at: null,
};

interface Applied {
  readonly version: number;
  readonly digest: string | null;
}

/** Target and applied policy of every vehicle, in memory: asked for with every status, and while the database is away. */
@Injectable()
export class PolicyStates {
  readonly #targets = new Map<string, CurrentPolicy>();
  readonly #applied = new Map<string, Applied>();

  load(targets: readonly CurrentPolicy[], inForce: readonly InForce[]): void {
    this.#targets.clear();
    this.#applied.clear();
    for (const target of targets) this.#targets.set(target.vehicleId, target);
    for (const { vehicleId, version, digest } of inForce) this.#applied.set(vehicleId, { version, digest });
  }

  statusOf(vehicleId: string): PolicyStatus {
    const target = this.#targets.get(vehicleId);
    const applied = this.#applied.get(vehicleId);
    if (target === undefined && applied === undefined) return NONE;
    return {
      target: target?.version ?? 0,
      targetDigest: target?.digest ?? null,
      applied: applied?.version ?? 0,
      appliedDigest: applied?.digest ?? null,
      state: target?.state ?? 'none',
      reason: target?.reason ?? '',
      at: (target?.answeredAt ?? target?.issuedAt)?.toISOString() ?? null,
    };
  }

  target(vehicleId: string): CurrentPolicy | undefined {
    return this.#targets.get(vehicleId);
  }

  targets(): IterableIterator<CurrentPolicy> {
    return this.#targets.values();
  }

  applied(vehicleId: string): Applied | undefined {
    return this.#applied.get(vehicleId);
  }

  /** A version that was overtaken while it was being committed is not the target. */
  issued(policy: CurrentPolicy): void {
    if (policy.version > (this.target(policy.vehicleId)?.version ?? 0)) this.#targets.set(policy.vehicleId, policy);
  }

  /** What the vehicle said of this version, if that is still the target. */
  answered(vehicleId: string, version: number, { state, reason }: Settlement, at: Date): void {
    const target = this.#targets.get(vehicleId);
    if (target?.version === version) this.#targets.set(vehicleId, { ...target, state, reason, answeredAt: at });
  }

  inForce(vehicleId: string, version: PolicyAck['inForce'], digest: string | null): void {
    this.#applied.set(vehicleId, { version, digest });
  }

  forget(vehicleId: string): void {
    this.#targets.delete(vehicleId);
    this.#applied.delete(vehicleId);
  }
}
