import type { PolicyAck, PolicyRequest } from '@corridor/contracts';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { type Answer, PolicyRepository } from '../store/policy-repository.js';
import { isUnavailable } from '../store/unavailable.js';
import { afterAck, isSettled, type Settlement } from './acknowledgement.js';
import { DeviceBook } from './device-book.js';
import { PolicyIssuer } from './policy-issuer.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

/**
 * A vehicle may have a higher version than we ever issued when our database was restored from a backup: then our numbers
 * leap over its number. Not over any number: one device must not be able to use up the range.
 */
const HIGHEST_LEAP = 1_000_000;

/** What vehicles say about policies: becomes the state of the version in question, and of the vehicle. */
@Injectable()
export class PolicyAnswers {
  readonly #logger = new Logger('policy');
  /** Answers that the database could not take yet; the newest of each version. */
  readonly #unwritten = new Map<string, () => Promise<void>>();

  constructor(
    @Inject(PolicyRepository) private readonly repository: PolicyRepository,
    @Inject(PolicyStates) private readonly states: PolicyStates,
    @Inject(PolicyIssuer) private readonly issuer: PolicyIssuer,
    @Inject(PolicyOutbox) private readonly outbox: PolicyOutbox,
    @Inject(DeviceBook) private readonly book: DeviceBook,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async acknowledged(deviceId: string, ack: PolicyAck): Promise<void> {
    const vehicleId = this.book.vehicleOf(deviceId);
    if (vehicleId === undefined) return;
    await this.issuer.queue.run(vehicleId, () => this.#take(vehicleId, ack));
    await this.#overtake(vehicleId, ack.inForce);
  }

  async requested(deviceId: string, { inForce }: PolicyRequest): Promise<void> {
    const vehicleId = this.book.vehicleOf(deviceId);
    if (vehicleId === undefined) return;
    const target = this.states.target(vehicleId);
    if (target === undefined) {
      await this.issuer.issue(vehicleId, { why: 'first policy of the vehicle' });
    } else if (inForce === target.version && target.state !== 'applied') {
      // Its answer got lost.
      const applied = { version: inForce, outcome: 'applied', reason: '', inForce } as const;
      await this.acknowledged(deviceId, { kind: 'policy-ack', v: 1, ...applied });
    } else if (inForce !== target.version) {
      await this.issuer.queue.run(vehicleId, () => this.#noteInForce(vehicleId, inForce));
      if (!isSettled(target.state)) this.outbox.send(vehicleId);
      await this.#overtake(vehicleId, inForce);
    }
  }

  /** The database is there again. */
  async writeMissed(): Promise<void> {
    for (const [key, write] of [...this.#unwritten]) {
      await write();
      if (this.#unwritten.get(key) === write) this.#unwritten.delete(key);
    }
  }

  async #take(vehicleId: string, ack: PolicyAck): Promise<void> {
    const target = this.states.target(vehicleId);
    const ofTarget = ack.version === target?.version;
    const before = ofTarget ? target : await this.#older(vehicleId, ack.version);
    if (before === undefined) {
      if (ack.outcome === 'rejected') this.#tell(vehicleId, ack, 'rejected', ack.reason || (ack.refusal ?? ''));
      await this.#noteInForce(vehicleId, ack.inForce);
      return;
    }
    const after = afterAck(before, ack);
    const known = this.states.applied(vehicleId)?.version;
    if (after === before && known === ack.inForce) return;
    const at = new Date(this.clock.nowMs());
    await this.#write(vehicleId, ack.version, { ...after, inForce: ack.inForce, at, settled: isSettled(after.state) });
    this.states.answered(vehicleId, ack.version, after, at);
    await this.#setInForce(vehicleId, ack.inForce);
    this.events.emit('policy-state', { vehicleId });
    if (after !== before && isSettled(after.state)) this.#tell(vehicleId, ack, after.state, after.reason);
  }

  /** What is known of a version that is not the newest. */
  async #older(vehicleId: string, version: number): Promise<Settlement | undefined> {
    if (version === 0) return undefined;
    return (await this.repository.issued(vehicleId, version).catch(unlessUnavailable)) ?? undefined;
  }

  async #noteInForce(vehicleId: string, inForce: number): Promise<void> {
    const target = this.states.target(vehicleId);
    if (target === undefined || this.states.applied(vehicleId)?.version === inForce) return;
    const { version, state, reason } = target;
    const at = new Date(this.clock.nowMs());
    await this.#write(vehicleId, version, { state, reason, inForce, at, settled: isSettled(state) });
    await this.#setInForce(vehicleId, inForce);
    this.events.emit('policy-state', { vehicleId });
  }

  async #setInForce(vehicleId: string, version: number): Promise<void> {
    const known = [this.states.target(vehicleId), this.states.applied(vehicleId)].find(
      (each) => each?.version === version,
    );
    const digest = known?.digest ?? (await this.repository.digest(vehicleId, version).catch(unlessUnavailable)) ?? null;
    this.states.inForce(vehicleId, version, digest);
  }

  async #write(vehicleId: string, version: number, answer: Answer): Promise<void> {
    const key = `${vehicleId} ${version}`;
    const write = () => this.repository.answer(vehicleId, version, answer);
    this.#unwritten.delete(key);
    try {
      await write();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#unwritten.set(key, write);
    }
  }

  #tell(vehicleId: string, { version }: PolicyAck, state: string, reason: string): void {
    this.events.emit('event-occurred', {
      vehicleId,
      event: {
        kind: 'event',
        v: 1,
        type: 'policy',
        reason: (reason === '' ? state : `${state}: ${reason}`).slice(0, 500),
        version,
      },
      atMs: this.clock.nowMs(),
    });
  }

  async #overtake(vehicleId: string, inForce: number): Promise<void> {
    const target = this.states.target(vehicleId)?.version ?? 0;
    if (inForce <= target) return;
    if (inForce - target > HIGHEST_LEAP) {
      this.#logger.warn(`vehicle ${vehicleId} claims version ${inForce}, far above ${target}: ignored`);
      return;
    }
    const why = `the vehicle has version ${inForce}, which this gateway did not issue`;
    await this.issuer.issue(vehicleId, { why, force: true, atLeast: inForce });
  }
}

function unlessUnavailable(error: unknown): null {
  if (isUnavailable(error)) return null;
  throw error;
}
