/**
 * Carries a policy to the peer: its JSON text in chunks, repeated until the peer says that it follows it or why not.
 * The gateway's side puts chunks together.
 */
import { decodeUtf8, encodeUtf8 } from '@corridor/wire';
import type { Earliest } from './clock.js';
import { CONTROL_RETRY_MAX_US, CONTROL_RETRY_US } from './constants.js';
import type { Peer } from './peer.js';
import type { TunnelPolicy } from './policy.js';
import { checkPolicy } from './policy-check.js';

const CHUNK_BYTES = 1000;
/** Longest policy text that is put together: bounds what a vehicle can make the gateway remember. */
const MAX_CHUNKS = 64;
const NEVER = Number.POSITIVE_INFINITY;

export class PolicySender {
  private text: Uint8Array | undefined;
  private version = 0;
  private readonly times = new Float64Array([NEVER, CONTROL_RETRY_US]);

  constructor(private readonly peer: Peer) {}

  /** Announces a policy from now on, until it is acknowledged. */
  announce(policy: TunnelPolicy): void {
    this.text = encodeUtf8(JSON.stringify(policy));
    this.version = policy.version;
    this.times[0] = this.peer.core.clock.nowUs;
    this.times[1] = CONTROL_RETRY_US;
    this.peer.attention = true;
  }

  /** The peer may have forgotten it. */
  again(): void {
    if (this.text === undefined) return;
    this.times[0] = this.peer.core.clock.nowUs;
    this.times[1] = CONTROL_RETRY_US;
  }

  acknowledged(version: number, accepted: boolean, reason: string): void {
    if (version !== this.version || this.times[0] === NEVER) return;
    this.times[0] = NEVER;
    const outcome = accepted ? 'acknowledged' : 'rejected';
    const { core, name } = this.peer;
    core.emit({ type: 'policy', atUs: core.clock.nowUs, peer: name, version, outcome, reason });
  }

  noteDeadline(earliest: Earliest): void {
    earliest.note(this.times[0]);
  }

  service(nowUs: number): void {
    const { text, peer } = this;
    const { best, second } = peer.scheduler;
    if (nowUs < this.times[0] || text === undefined) return;
    this.times[0] = nowUs + this.times[1] + (best?.rtt.expectedUs ?? 0);
    this.times[1] = Math.min(CONTROL_RETRY_MAX_US, this.times[1] * 2);
    if (best === undefined) return;
    const chunks = Math.ceil(text.length / CHUNK_BYTES);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const from = chunk * CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES, text.length - from);
      for (const path of peer.scheduler.twice && second !== undefined ? [best, second] : [best]) {
        if (peer.sender.beginFrames().policy(this.version, chunk, chunks, text, from, length))
          peer.sender.sendFrames(path, true);
      }
    }
  }
}

export class PolicyReceiver {
  private version = -1;
  private chunks: (Uint8Array | undefined)[] = [];
  /** What was last answered, to be repeated when the answer got lost. */
  private answer: { readonly version: number; readonly accepted: boolean; readonly reason: string } | undefined;

  constructor(private readonly peer: Peer) {}

  /** A new session: the peer announces afresh, with versions of its own. */
  reset(): void {
    this.version = -1;
    this.chunks = [];
    this.answer = undefined;
  }

  receive(version: number, chunk: number, chunks: number, bytes: Uint8Array, at: number, length: number): void {
    if (chunks > MAX_CHUNKS || length > 2 * CHUNK_BYTES) return;
    if (this.answer?.version === version) {
      this.sendAnswer();
      return;
    }
    if (version !== this.version || chunks !== this.chunks.length) {
      this.version = version;
      this.chunks = new Array<Uint8Array | undefined>(chunks).fill(undefined);
    }
    this.chunks[chunk] = bytes.slice(at, at + length);
    if (this.chunks.some((one) => one === undefined)) return;
    this.answer = { version, ...this.apply(join(this.chunks as Uint8Array[])) };
    this.chunks = [];
    this.version = -1;
    this.sendAnswer();
  }

  private apply(text: Uint8Array): { accepted: boolean; reason: string } {
    const { peer } = this;
    const { core } = peer;
    try {
      const policy = checkPolicy(JSON.parse(decodeUtf8(text, 0, text.length) ?? ''), core.strategies);
      peer.setPolicy(policy);
      const { version } = policy;
      core.emit({
        type: 'policy',
        atUs: core.clock.nowUs,
        peer: peer.name,
        version,
        outcome: 'applied',
        reason: 'announced by the vehicle',
      });
      return { accepted: true, reason: '' };
    } catch (error) {
      return { accepted: false, reason: error instanceof Error ? error.message.slice(0, 500) : 'not readable' };
    }
  }

  private sendAnswer(): void {
    const { answer, peer } = this;
    const path = peer.scheduler.best;
    if (answer === undefined || path === undefined) return;
    if (peer.sender.beginFrames().policyAck(answer.version, answer.accepted, answer.reason))
      peer.sender.sendFrames(path, true);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
