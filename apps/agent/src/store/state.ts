import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CompactJws, Credentials, Id, sentence, TunnelKey } from '@corridor/contracts';
import { z } from 'zod';
import { AgentError, reasonOf } from '../errors.js';
import { type Checked, readChecked, removeChecked, writeChecked } from './checked-file.js';

/** Private Ed25519 key as JWK (RFC 8037). */
const PrivateSigningKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type PrivateSigningKey = z.infer<typeof PrivateSigningKey>;

const KeyPair = z.strictObject({ identity: PrivateSigningKey, tunnel: TunnelKey });
/** Identity (Ed25519) and tunnel key (X25519, private, base64) belong together: they are made and rotated together. */
export type KeyPair = z.infer<typeof KeyPair>;

/**
 * Who this machine is: there from the moment at which the gateway knows the device, and never in pieces. `next`: a
 * rotation has begun; the gateway may know those keys already.
 */
const StoredDevice = z.strictObject({
  url: z.url(),
  fingerprint: z.string().nullable(),
  claimId: Id,
  deviceId: Id,
  state: z.enum(['pending', 'active']),
  keys: KeyPair,
  next: KeyPair.optional(),
});
export type StoredDevice = z.infer<typeof StoredDevice>;

/** Keys with which an enrolment was begun: an answer that got lost is asked for again with the same ones. */
const StoredCandidate = z.strictObject({ claimId: Id, keys: KeyPair });

/**
 * Policies by their signed text. `probation`: how often the agent was started while the version in force had still to show
 * that the tunnel works with it; 0 when it has.
 */
const StoredPolicies = z.strictObject({
  inForce: CompactJws.nullable(),
  previous: CompactJws.nullable(),
  probation: z.int().min(0),
  /** Versions that were taken back; the newest ones. */
  reverted: z.array(z.int().min(1)).max(100),
});
export type StoredPolicies = z.infer<typeof StoredPolicies>;

const StoredTime = z.strictObject({
  gatewayMs: z.number(),
  bootId: z.string(),
  monoMs: z.number(),
  /** When the access token ends, on the same monotonic clock. */
  tokenEndsMonoMs: z.number(),
});
export type StoredTime = z.infer<typeof StoredTime>;

const SCHEMAS = {
  device: StoredDevice,
  candidate: StoredCandidate,
  credentials: Credentials,
  policies: StoredPolicies,
  time: StoredTime,
  session: z.int().min(0),
  /** As the tunnel's host writes it: what the uplinks have used of their data caps. */
  usage: z.string(),
} as const;
type StateName = keyof typeof SCHEMAS;
type Stored<N extends StateName> = z.infer<(typeof SCHEMAS)[N]>;

export const NO_POLICIES: StoredPolicies = { inForce: null, previous: null, probation: 0, reverted: [] };

/** The agent's state directory (0700): one checked file, and a copy of it, for each kind of state. */
export class State {
  /** @param warn called with one sentence when a damaged file was replaced by its copy, or given up. */
  private constructor(
    readonly directory: string,
    private readonly warn: (sentence: string) => void,
  ) {}

  /** Makes the directory when it is missing. @throws AgentError when it cannot be made or others may read it. */
  static open(directory: string, warn: (sentence: string) => void): State {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const found = statSync(directory);
      if (found.uid === process.getuid?.()) chmodSync(directory, 0o700);
      else if ((found.mode & 0o077) !== 0) {
        throw new AgentError(`${directory} belongs to another user and others may read it: chmod 700`, 'state-open');
      }
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw new AgentError(`${directory}: the state directory cannot be made: ${reasonOf(error)}`, 'state-open');
    }
    return new State(directory, warn);
  }

  /**
   * What is stored; undefined when nothing is.
   * @throws AgentError `state-damaged` when neither the file nor its copy can be used.
   */
  read<N extends StateName>(name: N): Stored<N> | undefined {
    const file = this.file(name);
    const found = this.readFile(file);
    if (found.state === 'missing') return undefined;
    if (found.state === 'good') {
      const parsed = SCHEMAS[name].safeParse(JSON.parse(found.text));
      if (parsed.success) {
        if (found.fromCopy) this.warn(`${file} was damaged: its copy was used`);
        return parsed.data as Stored<N>;
      }
      throw new AgentError(`${file} is not of this version: ${sentence(parsed.error)}`, 'state-damaged');
    }
    throw new AgentError(`${file} and its copy are damaged: ${REMEDY[name]}`, 'state-damaged');
  }

  /** The same for state that can be done without: damage is a warning, and the answer undefined. */
  readOr<N extends StateName>(name: N): Stored<N> | undefined {
    try {
      return this.read(name);
    } catch (error) {
      this.warn((error as Error).message);
      return undefined;
    }
  }

  /** @throws AgentError `state-write`; what was stored before stays. */
  write<N extends StateName>(name: N, value: Stored<N>): void {
    try {
      writeChecked(this.file(name), JSON.stringify(value));
    } catch (error) {
      throw new AgentError(`${this.file(name)} cannot be written: ${reasonOf(error)}`, 'state-write');
    }
  }

  remove(name: StateName): void {
    removeChecked(this.file(name));
  }

  /** Removes everything, the private keys first. */
  wipe(): void {
    for (const name of ['device', 'candidate', 'credentials', 'policies', 'time', 'session', 'usage'] as const)
      this.remove(name);
  }

  private file(name: StateName): string {
    return join(this.directory, `${name}.json`);
  }

  private readFile(file: string): Checked {
    try {
      return readChecked(file);
    } catch (error) {
      throw new AgentError(`${file} cannot be read: ${reasonOf(error)}`, 'state-damaged');
    }
  }
}

const REMEDY: Record<StateName, string> = {
  device: 'restore them from a backup, or enrol anew with "corridor-agent enroll --replace" and a new claim',
  candidate: 'an enrolment that was begun is begun anew',
  credentials: 'they are fetched anew from the gateway',
  policies: 'the built-in policy is used until the gateway sends one',
  time: 'the gateway will be asked',
  session: 'counted on from the time',
  usage: 'data caps are counted from zero',
};
