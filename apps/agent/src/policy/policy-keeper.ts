import type { PolicyAck, PolicyOutcome, PolicyRefusal } from '@corridor/contracts';
import { builtInPolicy, type TunnelPolicy } from '@corridor/tunnel/config';
import type { Log } from '@corridor/tunnel-host';
import { NO_POLICIES, type State, type StoredPolicies } from '../store/state.js';
import { type Judge, judgePolicy, timelyMistake } from './verify.js';

/** After so long the tunnel must work with a new policy as it did before, milliseconds. */
export const PROBATION_MS = 20_000;
/** What counts is what it carries at the end of that time: before the last of these milliseconds it may still settle. */
export const JUDGED_MS = 10_000;
/** So many packets without one that came back are not an accident. */
const PACKETS_UNANSWERED = 5;

/** What the tunnel does, as far as a policy could be to blame. */
export interface TunnelHealth {
  /** A session stands, and a path that is not down. */
  readonly established: boolean;
  /** Inner packets since the tunnel's start. */
  readonly sent: number;
  readonly delivered: number;
}

export interface PolicyHooks {
  judge(): Judge;
  /** See `TrustedClock.notBeforeMs`. */
  notBeforeMs(): number | undefined;
  /** Switches the tunnel. @throws when it does not take the policy */
  apply(policy: TunnelPolicy): Promise<void>;
  health(): Promise<TunnelHealth>;
  report(ack: PolicyAck): void;
}

/** `before` is undefined after a restart until the tunnel stands: only then can its loss be told from its absence. */
interface Probation {
  readonly sinceMs: number;
  before: TunnelHealth | undefined;
  /** The judged time has begun, and `before` is of its beginning. */
  judged: boolean;
}

/**
 * An agent that was started so often with a version on probation does not survive it. Not fewer: power-offs are no crashes,
 * and a service that restarts each second still gets there in the time of one trial.
 */
export const STARTS_ON_PROBATION = 20;

/**
 * The policy in force, on disk before it counts, and the one before it. A policy with which the tunnel does not work any
 * more, although it did, is taken back and not taken again.
 */
export class PolicyKeeper {
  readonly #state: State;
  readonly #hooks: PolicyHooks;
  readonly #log: Log;
  readonly #nowMs: () => number;
  #stored: StoredPolicies = NO_POLICIES;
  #inForce: TunnelPolicy = builtInPolicy;
  #probation: Probation | undefined;
  /** One document after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(state: State, hooks: PolicyHooks, log: Log, nowMs: () => number = () => performance.now()) {
    this.#state = state;
    this.#hooks = hooks;
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** The policy in force, in the engine's terms. Version 0 is the built-in one. */
  get inForce(): TunnelPolicy {
    return this.#inForce;
  }

  /** Whether the version in force has still to show that the tunnel works with it. */
  get onProbation(): boolean {
    return this.#probation !== undefined;
  }

  /** Reads what is stored: the policy to start with, without any control plane. Damage costs at most the newest one. */
  async load(): Promise<TunnelPolicy> {
    const stored = this.#state.readOr('policies') ?? NO_POLICIES;
    for (const jws of [stored.inForce, stored.previous]) {
      if (jws === null) continue;
      const verdict = await judgePolicy(jws, this.#hooks.judge());
      if (!verdict.ok) {
        this.#log.warn(`a stored policy cannot be used: ${verdict.reason}`);
        continue;
      }
      this.#stored = { ...stored, inForce: jws, previous: jws === stored.inForce ? stored.previous : null };
      this.#inForce = verdict.policy;
      if (stored.probation > 0 && jws === stored.inForce) await this.#resumeProbation(stored.probation);
      break;
    }
    return this.#inForce;
  }

  /** Takes a signed policy from the gateway and reports what became of it. Never throws. */
  receive(jws: string): Promise<void> {
    return this.#queued(() => this.#receive(jws));
  }

  /** What the gateway must know after each connect: it may have missed it. */
  repeat(): void {
    const { version } = this.#inForce;
    if (version > 0) this.#report(version, 'applied');
    const last = Math.max(0, ...this.#stored.reverted);
    if (last > version) this.#report(last, 'reverted', 'tunnel-lost', TAKEN_BACK);
  }

  /** Looks after a policy that was just taken. Call about once a second. */
  tick(): Promise<void> {
    return this.#queued(async () => {
      const probation = this.#probation;
      if (probation === undefined) return;
      if (probation.before === undefined) return this.#beginWhenEstablished();
      const forMs = this.#nowMs() - probation.sinceMs;
      if (forMs >= PROBATION_MS) {
        if (works(await this.#hooks.health(), probation.before)) this.#endProbation();
        else await this.#revert();
      } else if (forMs >= PROBATION_MS - JUDGED_MS && !probation.judged) {
        probation.before = await this.#hooks.health();
        probation.judged = true;
      }
    });
  }

  /** The tunnel died while the version was on probation: it is not waited any longer. */
  tunnelDied(): Promise<void> {
    return this.#queued(async () => {
      if (this.#probation !== undefined) await this.#revert();
    });
  }

  async #receive(jws: string): Promise<void> {
    const verdict = await judgePolicy(jws, this.#hooks.judge());
    if (!verdict.ok) return this.#reject(verdict.version, verdict.refusal, verdict.reason);
    const { document, policy } = verdict;
    const { version } = document;
    if (version === this.#inForce.version) return this.#report(version, 'applied');
    if (this.#stored.reverted.includes(version)) return this.#report(version, 'reverted', 'tunnel-lost', TAKEN_BACK);
    const mistake = timelyMistake(document, this.#inForce.version, this.#hooks.notBeforeMs());
    if (mistake !== undefined) return this.#reject(version, mistake.refusal, mistake.reason);
    this.#report(version, 'received');
    await this.#take(jws, policy);
  }

  async #take(jws: string, policy: TunnelPolicy): Promise<void> {
    const before = await this.#hooks.health();
    const [stored, inForce] = [this.#stored, this.#inForce];
    try {
      // One that is still on probation is not what we would go back to.
      const previous = this.#probation === undefined ? stored.inForce : stored.previous;
      this.#store({ ...stored, inForce: jws, previous, probation: before.established ? 1 : 0 });
      await this.#hooks.apply(policy);
    } catch (error) {
      if (this.#stored !== stored) this.#storeOrWarn(stored);
      await this.#hooks.apply(inForce).catch(() => {});
      return this.#reject(policy.version, 'not-applicable', (error as Error).message.slice(0, 500));
    }
    this.#inForce = policy;
    this.#probation = undefined;
    if (before.established) this.#beginProbation(before);
    this.#log.info(`policy ${policy.version} is in force`);
    this.#report(policy.version, 'applied');
  }

  async #revert(): Promise<void> {
    const lost = this.#inForce.version;
    this.#probation = undefined;
    const previous = this.#stored.previous;
    const verdict = previous === null ? undefined : await judgePolicy(previous, this.#hooks.judge());
    const policy = verdict?.ok ? verdict.policy : builtInPolicy;
    this.#inForce = policy;
    this.#storeOrWarn({
      inForce: verdict?.ok ? previous : null,
      previous: null,
      probation: 0,
      reverted: [...this.#stored.reverted, lost].slice(-100),
    });
    await this.#hooks.apply(policy).catch((error: Error) => this.#log.error(error.message));
    this.#log.warn(`policy ${lost} was taken back: ${TAKEN_BACK}; ${policy.version} is in force again`);
    this.#report(lost, 'reverted', 'tunnel-lost', TAKEN_BACK);
  }

  #beginProbation(before: TunnelHealth): void {
    this.#probation = { sinceMs: this.#nowMs(), before, judged: false };
  }

  /** It was being tried when the agent ended: that goes on, or a policy that ends the agent would never be taken back. */
  async #resumeProbation(starts: number): Promise<void> {
    if (starts >= STARTS_ON_PROBATION) return this.#revert();
    this.#storeOrWarn({ ...this.#stored, probation: starts + 1 });
    this.#probation = { sinceMs: this.#nowMs(), before: undefined, judged: false };
  }

  async #beginWhenEstablished(): Promise<void> {
    const health = await this.#hooks.health();
    if (health.established) this.#beginProbation(health);
  }

  #endProbation(): void {
    this.#probation = undefined;
    this.#storeOrWarn({ ...this.#stored, probation: 0 });
  }

  #store(stored: StoredPolicies): void {
    this.#state.write('policies', stored);
    this.#stored = stored;
  }

  /** For what holds in memory anyway: a full disk must not keep the tunnel from its policy. */
  #storeOrWarn(stored: StoredPolicies): void {
    this.#stored = stored;
    try {
      this.#state.write('policies', stored);
    } catch (error) {
      this.#log.error((error as Error).message);
    }
  }

  #reject(version: number, refusal: PolicyRefusal, reason: string): void {
    this.#log.warn(`policy ${version > 0 ? version : 'without a version'} refused: ${reason}`, { refusal });
    this.#report(version, 'rejected', refusal, reason);
  }

  #report(version: number, outcome: PolicyOutcome, refusal?: PolicyRefusal, reason = ''): void {
    this.#hooks.report({
      kind: 'policy-ack',
      v: 1,
      version,
      outcome,
      ...(refusal === undefined ? {} : { refusal }),
      reason,
      inForce: this.#inForce.version,
    });
  }

  #queued(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work).catch((error: Error) => this.#log.error(`policy: ${error.message}`));
    this.#queue = done;
    return done;
  }
}

const TAKEN_BACK = `the tunnel worked before the update and not ${PROBATION_MS / 1000} s after it`;

/** It stands, and what was sent was answered by something. */
function works(now: TunnelHealth, before: TunnelHealth): boolean {
  if (!now.established) return false;
  // Fewer than before: the tunnel was started anew meanwhile, and counts from zero.
  const sent = now.sent >= before.sent ? now.sent - before.sent : now.sent;
  const delivered = now.delivered >= before.delivered ? now.delivered - before.delivered : now.delivered;
  return delivered > 0 || sent < PACKETS_UNANSWERED;
}
