/**
 * When the vehicle shakes hands: without a session, before its keys grow old, and when every path went silent. An
 * initiation goes out over every path at the same time; the first response wins.
 */
import { REKEY_AFTER_PACKETS, REKEY_AFTER_US } from '@corridor/wire';
import type { Earliest } from './clock.js';
import {
  HANDSHAKE_PATIENCE_US,
  HANDSHAKE_RETRY_LATER_US,
  HANDSHAKE_RETRY_US,
  SILENT_HANDSHAKE_US,
} from './constants.js';
import type { Core } from './core.js';
import type { Established, HandshakeRefusal, VehicleHandshake } from './handshake/index.js';
import type { Path } from './path.js';
import type { Peer, PeerDuty } from './peer.js';
import type { CipherId } from './primitives.js';

const NEVER = Number.POSITIVE_INFINITY;
/** As many attempts as the handshake keeps waiting for a response. */
const MAX_INDICES = 8;

const DUE = 0;
const STARTED = 1;

export type Reason = 'first session' | 'keys grow old' | 'every path is silent' | 'the gateway closed the session';

export class VehicleHandshaking implements PeerDuty {
  /** Why the running series of attempts began; undefined: none runs. */
  private reason: Reason | undefined;
  private attempts = 0;
  /** Receiver indices that attempts hold. */
  private indices: number[] = [];
  private readonly times = new Float64Array([NEVER, 0]);

  constructor(
    private readonly core: Core,
    private readonly peer: Peer,
    private readonly handshake: VehicleHandshake,
    private readonly ciphers: readonly CipherId[],
    /** Called before each attempt after the first: an uplink may try another of the gateway's addresses. */
    private readonly tryOtherRemotes: () => void,
  ) {}

  /** Starts over at once: an uplink came, or the session was closed. */
  hurry(): void {
    if (this.reason !== undefined) this.times[DUE] = this.core.clock.nowUs;
    this.peer.attention = true;
  }

  noteDeadline(earliest: Earliest): void {
    const { current } = this.peer.sessions;
    if (this.reason !== undefined) earliest.note(this.times[DUE]);
    else if (current !== undefined) {
      earliest.note(current.createdAtUs + REKEY_AFTER_US);
      earliest.note(this.silentAtUs());
    } else if (this.anyUsable()) earliest.note(this.core.clock.nowUs);
  }

  service(nowUs: number): void {
    if (this.reason === undefined) this.begin(nowUs);
    if (this.reason !== undefined && nowUs >= this.times[DUE]) this.attempt(nowUs);
  }

  /** A datagram of type 2. Answers why it was refused, or the keys. */
  receiveResponse(bytes: Uint8Array, offset: number, length: number): Established | HandshakeRefusal {
    const answer = this.handshake.consumeResponse(bytes, offset, length);
    if (typeof answer === 'string') return answer;
    for (const index of this.indices) if (index !== answer.localIndex) this.core.epochs.free(index);
    this.indices = [];
    return answer;
  }

  /** The series that {@link receiveResponse} ended, for people. */
  conclude(): Reason {
    const reason = this.reason ?? 'first session';
    this.reason = undefined;
    this.peer.handshaking = false;
    return reason;
  }

  private abandon(): void {
    for (const index of this.indices) this.core.epochs.free(index);
    this.indices = [];
    this.handshake.abandon();
    this.conclude();
  }

  private begin(nowUs: number): void {
    const { current } = this.peer.sessions;
    if (!this.anyUsable()) return;
    if (current === undefined) this.reason = 'first session';
    else if (nowUs >= this.silentAtUs()) this.reason = 'every path is silent';
    else if (nowUs >= current.createdAtUs + REKEY_AFTER_US || this.manyPacketsSent()) this.reason = 'keys grow old';
    else return;
    this.times[DUE] = nowUs;
    this.times[STARTED] = nowUs;
    this.attempts = 0;
    this.peer.handshaking = true;
  }

  private attempt(nowUs: number): void {
    if (!this.anyUsable()) {
      // The next uplink begins a new series at once, if it is needed then.
      this.abandon();
      return;
    }
    const patient = nowUs - this.times[STARTED] < HANDSHAKE_PATIENCE_US;
    const [from, to] = patient ? HANDSHAKE_RETRY_US : HANDSHAKE_RETRY_LATER_US;
    this.times[DUE] = nowUs + this.core.drawBetween(from, to);
    if (this.attempts++ > 0) this.tryOtherRemotes();
    if (this.indices.length === MAX_INDICES) this.core.epochs.free(this.indices.shift() as number);
    const index = this.core.epochs.draw();
    this.indices.push(index);
    this.handshake.begin(index, this.ciphers, this.peer.instance);
    // A rekey of a session that works needs one path only; should that fail, the next attempt takes all.
    const { best } = this.peer.scheduler;
    if (this.reason === 'keys grow old' && this.attempts === 1 && best !== undefined) this.send(best, nowUs);
    else for (const path of this.peer.paths) if (path.usable) this.send(path, nowUs);
  }

  /** Sends the newest initiation over a path. */
  send(path: Path, nowUs: number): void {
    this.core.outgoing.addRaw(this.handshake.datagram(path.id, nowUs), path.route);
  }

  /** When the silence of all paths will have lasted long enough; Infinity while one of them is not in doubt. */
  private silentAtUs(): number {
    let unansweredUs = NEVER;
    for (const path of this.peer.paths) {
      if (!path.usable) continue;
      if (path.state === 'up' || path.state === 'gated') return NEVER;
      unansweredUs = Math.min(unansweredUs, path.triggerUs);
    }
    return unansweredUs === NEVER ? NEVER : Math.max(unansweredUs, this.peer.heardUs) + SILENT_HANDSHAKE_US;
  }

  private manyPacketsSent(): boolean {
    return this.peer.paths.some((path) => (path.space?.sent.next ?? 0) > REKEY_AFTER_PACKETS);
  }

  private anyUsable(): boolean {
    for (const path of this.peer.paths) if (path.usable) return true;
    return false;
  }
}
