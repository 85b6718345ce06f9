import type { Credentials, EnrolmentAnswer } from '@corridor/contracts';
import type { Log } from '@corridor/tunnel-host';
import type { TrustedClock } from '../clock/trusted-clock.js';
import { AgentError } from '../errors.js';
import { makeKeyPair, publicJwk, tunnelPublicKey } from '../identity/keys.js';
import { Backoff, Pause } from '../mqtt/backoff.js';
import type { KeyPair, State, StoredDevice } from '../store/state.js';
import { Refused } from './gateway-api.js';
import { renewAnywhere } from './renewal.js';

/** Codes that say: not with these keys, not now and not later. Asked again all the same, but seldom. */
const FINAL = new Set(['device-revoked', 'device-unknown', 'bad-signature']);
const FINAL_PAUSE_MS = 120_000;
/** Renewed when this share of a token's life is left, so that a gateway may be away for as long. */
const RENEW_AT_LEFT = 0.5;

export interface CredentialsHooks {
  /** Whether the tunnel stands: addresses inside it are asked first only then. */
  tunnelStands(): boolean;
  /** Fresh credentials, or keys, are stored and in force. */
  renewed(): void;
}

/** Keeps the credentials fresh on the monotonic clock, and rotates the keys when told to. */
export class CredentialsKeeper {
  readonly #state: State;
  readonly #clock: TrustedClock;
  readonly #hooks: CredentialsHooks;
  readonly #log: Log;
  readonly #backoff = new Backoff(1000, 60_000);
  readonly #pause = new Pause();
  #device: StoredDevice;
  #credentials: Credentials | undefined;
  #detail = '';
  #wanted = false;
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(
    state: State,
    device: StoredDevice,
    credentials: Credentials | undefined,
    clock: TrustedClock,
    hooks: CredentialsHooks,
    log: Log,
  ) {
    this.#state = state;
    this.#device = device;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#log = log;
  }

  get device(): StoredDevice {
    return this.#device;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  /** Why the last renewal failed; empty when it did not. */
  get detail(): string {
    return this.#detail;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Renews now: the broker refused, or the gateway asked for it. */
  renewNow(): void {
    this.#wanted = true;
    this.#pause.cut();
  }

  /** The gateway may be in reach again. */
  nudge(): void {
    this.#backoff.reset();
    if (this.#detail !== '') this.#pause.cut();
  }

  /** Fresh keys, side by side with the old ones until the gateway has seen the new ones at work. */
  async rotate(): Promise<void> {
    if (this.#device.next === undefined) this.#keepDevice({ ...this.#device, next: await makeKeyPair() });
    this.renewNow();
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    this.#pause.cut();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const due = this.#dueInMs();
      if (due > 0) {
        await this.#pause.wait(Math.min(due, 60_000));
        continue;
      }
      this.#wanted = false;
      const pause = await this.#renew();
      if (!this.#closing.signal.aborted) await this.#pause.wait(pause);
    }
  }

  #dueInMs(): number {
    if (this.#wanted || this.#credentials === undefined || this.#device.next !== undefined) return 0;
    return this.#clock.tokenLeftMs - this.#credentials.expiresInSeconds * 1000 * RENEW_AT_LEFT;
  }

  /** Answers how long to pause, milliseconds. */
  async #renew(): Promise<number> {
    try {
      const askedMonoMs = this.#clock.monoMs;
      const answer = await this.#ask();
      if (answer.state === 'pending' || answer.credentials === undefined) {
        this.#say('waits for the approval of an operator');
        return (answer.retryAfterSeconds ?? 5) * 1000;
      }
      this.#take(answer.credentials, askedMonoMs);
      this.#detail = '';
      this.#backoff.reset();
      this.#hooks.renewed();
      return 0;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      if (this.#closing.signal.aborted) return 0;
      this.#say(error.message);
      return FINAL.has(error.code) ? FINAL_PAUSE_MS : this.#backoff.next();
    }
  }

  #take(fresh: Credentials, askedMonoMs: number): void {
    // Policy keys were pinned when this machine enrolled: whoever speaks for the gateway later cannot add its own.
    const credentials = { ...fresh, policyKeys: this.#credentials?.policyKeys ?? fresh.policyKeys };
    const time = this.#clock.learn(Date.parse(fresh.issuedAt), fresh.expiresInSeconds, askedMonoMs);
    this.#credentials = credentials;
    try {
      this.#state.write('credentials', credentials);
      this.#state.write('time', time);
      if (this.#device.state === 'pending') this.#keepDevice({ ...this.#device, state: 'active' });
    } catch (error) {
      // In memory they are as good; what is on disk is older, and will be renewed after the next start.
      this.#log.error((error as Error).message);
    }
  }

  /**
   * Three steps when keys rotate, each of which may be the last before a power-off: the new keys are on disk; the gateway
   * knows them; the gateway has seen them at work, and the old ones go.
   */
  async #ask(): Promise<EnrolmentAnswer> {
    const { keys, next } = this.#device;
    if (next === undefined) return this.#prove(keys);
    const nextIdentityKey = publicJwk(next.identity);
    try {
      await this.#prove(keys, { nextIdentityKey, nextTunnelPublicKey: tunnelPublicKey(next.tunnel) });
    } catch (error) {
      // The old keys are refused where the new ones were seen at work before the last power-off.
      if (!(error instanceof Refused)) throw error;
    }
    return this.#promote(next, await this.#prove(next));
  }

  #promote(keys: KeyPair, answer: EnrolmentAnswer): EnrolmentAnswer {
    const { next: _, ...device } = this.#device;
    this.#keepDevice({ ...device, keys });
    this.#log.info('the keys were rotated');
    return answer;
  }

  #prove({ identity }: KeyPair, rotation?: Parameters<typeof renewAnywhere>[3]): Promise<EnrolmentAnswer> {
    return renewAnywhere(
      this.#device,
      this.#credentials,
      identity,
      rotation,
      this.#hooks.tunnelStands(),
      this.#closing.signal,
    );
  }

  #keepDevice(device: StoredDevice): void {
    this.#state.write('device', device);
    this.#device = device;
  }

  #say(detail: string): void {
    if (detail !== this.#detail) this.#log.warn(`no fresh credentials: ${detail}`);
    this.#detail = detail;
  }
}
