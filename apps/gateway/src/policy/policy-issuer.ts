import type { EffectivePolicy } from '@corridor/contracts';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { z } from 'zod';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { KeyRing } from '../kernel/key-ring.js';
import type { Author } from '../store/audit-writer.js';
import { type CurrentPolicy, type NewIssue, PolicyRepository, type SavedLayer } from '../store/policy-repository.js';
import { BUILT_IN_LAYER, BUILT_IN_VERSION } from './built-in.js';
import { DeviceBook } from './device-book.js';
import { type Effective, effectivePolicy } from './effective.js';
import { eachOf, KeyedQueue } from './keyed-queue.js';
import { checkContent } from './policy-check.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

/** How long a document may travel. */
export const POLICY_LIFETIME_MS = 7 * 86_400_000;
/** A version with less than this ahead of it is replaced by the same content with a new version. */
export const RENEW_BEFORE_MS = POLICY_LIFETIME_MS / 2;
/** Vehicles in one transaction, and transactions at a time: others need connections, too, and locks are held meanwhile. */
const BATCH = 50;
const AT_ONCE = 2;

export interface IssueOrder {
  /** For the event: why there is a new version. */
  readonly why: string;
  /** Also when the content is what the vehicle has already. */
  readonly force?: boolean;
  /** The new version is higher than this. */
  readonly atLeast?: number;
  /** Of an operator's order: for the audit log. */
  readonly author?: Author;
}

/** The layers of a vehicle over the built-in one. */
export function effectiveOf(saved: readonly SavedLayer[]): Effective {
  return effectivePolicy([
    { source: { scope: 'built-in', version: BUILT_IN_VERSION }, layer: BUILT_IN_LAYER },
    ...saved.map(({ scope, id, version, layer }) => ({ source: { scope, id, version }, layer })),
  ]);
}

/** Issues policies: what a vehicle must follow becomes a numbered, signed document, first in the database, then on the bus. */
@Injectable()
export class PolicyIssuer {
  /** What happens to one vehicle's policy happens in order, its answers included; only the batches for many come between. */
  readonly queue = new KeyedQueue();
  readonly #logger = new Logger('policy');
  #missed: (error: unknown) => void = () => undefined;

  constructor(
    @Inject(PolicyRepository) private readonly repository: PolicyRepository,
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(PolicyStates) private readonly states: PolicyStates,
    @Inject(PolicyOutbox) private readonly outbox: PolicyOutbox,
    @Inject(DeviceBook) private readonly book: DeviceBook,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /**
   * Issues a new version when the vehicle's effective policy is another than the last issued, or when it must. A vehicle
   * without an active device gets none: nobody would follow it.
   * @returns whether there is a new version
   * @throws DomainError `policy-invalid` when the layers together make a policy that cannot be followed
   */
  issue(vehicleId: string, order: IssueOrder): Promise<boolean> {
    return this.queue.run(vehicleId, async () => {
      const refuse = (_: string, error: DomainError) => {
        throw error;
      };
      return (await this.#issue([vehicleId], order, refuse)) > 0;
    });
  }

  /** Issues to those of the vehicles whose effective policy is another now. */
  async issueChanged(
    of: { ids?: readonly string[]; groupId?: string; organisationId?: string },
    why: string,
  ): Promise<void> {
    const changed = (await this.repository.vehicleLayers(of)).filter(
      ({ vehicleId, layers }) =>
        this.book.has(vehicleId) && effectiveOf(layers).digest !== this.states.target(vehicleId)?.digest,
    );
    await this.#issueEach(
      changed.map(({ vehicleId }) => vehicleId),
      { why },
    );
  }

  /** Who is told of what could not be issued and has to be made good. */
  onMissed(listener: (error: unknown) => void): void {
    this.#missed = listener;
  }

  /** The same; what cannot be issued now is issued as soon as it can. */
  async issueChangedSometime(of: Parameters<PolicyIssuer['issueChanged']>[0], why: string): Promise<void> {
    await this.issueChanged(of, why).catch((error) => this.#missed(error));
  }

  /** Issues what expires soon again. */
  async renew(): Promise<void> {
    const soonMs = this.clock.nowMs() + RENEW_BEFORE_MS;
    const expiring = [...this.states.targets()].filter(
      ({ vehicleId, expiresAt }) => expiresAt.getTime() < soonMs && this.book.has(vehicleId),
    );
    await this.#issueEach(
      expiring.map(({ vehicleId }) => vehicleId),
      { why: 'renewed before it expires', force: true },
    );
  }

  async #issueEach(vehicleIds: readonly string[], order: IssueOrder): Promise<void> {
    const batches = Array.from({ length: Math.ceil(vehicleIds.length / BATCH) }, (_, index) =>
      vehicleIds.slice(index * BATCH, (index + 1) * BATCH),
    );
    await eachOf(batches.values(), AT_ONCE, async (batch) => {
      await this.#issue(batch, order, (vehicleId, error) => {
        // The layers of one vehicle may not fit together; that is no reason for the others to wait.
        this.#logger.error(`no new policy for vehicle ${vehicleId}: ${error.message}`);
      });
    });
  }

  /** @param refused of those whose policy cannot be followed */
  async #issue(
    vehicleIds: readonly string[],
    { why, force = false, atLeast = 0, author }: IssueOrder,
    refused: (vehicleId: string, error: DomainError) => void,
  ): Promise<number> {
    const ids = vehicleIds.filter((id) => this.book.has(id));
    if (ids.length === 0) return 0;
    const issued = await this.repository.issue(ids, {
      atLeast,
      author,
      decide: ({ vehicleId, layers }, latest) => {
        try {
          return this.#next(vehicleId, effectiveOf(layers), force ? null : latest);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          refused(vehicleId, error);
          return undefined;
        }
      },
      sign: (vehicleId, version, issue) => this.keys.signPolicy(documentOf(vehicleId, version, issue)),
    });
    for (const policy of issued) this.#announce(policy, why);
    return issued.length;
  }

  #announce(policy: CurrentPolicy, why: string): void {
    const { vehicleId, version, issuedAt } = policy;
    this.states.issued(policy);
    this.outbox.send(vehicleId);
    this.events.emit('policy-state', { vehicleId });
    this.events.emit('event-occurred', {
      vehicleId,
      event: { kind: 'event', v: 1, type: 'policy', reason: `issued: ${why}`.slice(0, 500), version },
      atMs: issuedAt.getTime(),
    });
    this.#logger.debug(`version ${version} for vehicle ${vehicleId}: ${why}`);
  }

  #next(vehicleId: string, effective: Effective, known: string | null): NewIssue | undefined {
    if (effective.digest === known) return undefined;
    checkContent(effective.content, `vehicle ${vehicleId}`);
    const { content: policy, digest, sources, setBy } = effective;
    const nowMs = this.clock.nowMs();
    return {
      policy,
      digest,
      sources,
      setBy,
      issuedAt: new Date(nowMs),
      expiresAt: new Date(nowMs + POLICY_LIFETIME_MS),
    };
  }
}

function documentOf(vehicleId: string, version: number, issue: NewIssue): z.infer<typeof EffectivePolicy> {
  const { digest, policy, sources, issuedAt, expiresAt } = issue;
  return {
    kind: 'effective-policy',
    v: 1,
    vehicleId,
    version,
    issuedAt: issuedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    digest,
    policy,
    sources: [...sources],
  };
}
