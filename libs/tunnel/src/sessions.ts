/**
 * The session epochs of one peer: the current one, the one before (kept for what is still on its way) and, at the
 * gateway, those that a handshake made but no datagram has confirmed yet.
 */
import { KEEP_PREVIOUS_US, REJECT_AFTER_US } from '@corridor/wire';
import type { Earliest } from './clock.js';
import type { Core } from './core.js';
import { Epoch } from './epochs.js';
import type { Established } from './handshake/index.js';
import type { Peer } from './peer.js';

/** As many as the vehicle keeps waiting for a response: while the gateway starts, its socket may collect several. */
const MAX_UNCONFIRMED = 8;

/** What a new epoch means for the flows of the session. */
export type Succession =
  /** The peer remembers this session: sequences and duplicate windows go on. */
  | 'continued'
  /** The peer starts afresh: it was restarted, or the session is the first. */
  | 'fresh';

export class Sessions {
  current: Epoch | undefined;
  previous: Epoch | undefined;
  private readonly unconfirmed: Epoch[] = [];
  private readonly times = new Float64Array(2);

  constructor(
    private readonly peer: Peer,
    private readonly core: Core,
  ) {}

  /** Since when the session stands, over rekeyings. */
  get establishedUs(): number {
    return this.times[0];
  }
  /** When the epoch before the current one is forgotten; meaningless without one. */
  private get previousEndsUs(): number {
    return this.times[1];
  }

  /** Keeps the keys of a handshake until a datagram under them arrives: the gateway's side. */
  addUnconfirmed(established: Established, peerKey: string): void {
    if (this.unconfirmed.length === MAX_UNCONFIRMED) this.drop(this.unconfirmed.shift());
    this.unconfirmed.push(this.make(established, peerKey));
  }

  /** Takes new keys into use at once: the vehicle's side. */
  addConfirmed(established: Established): Succession {
    return this.promote(this.make(established, ''));
  }

  isUnconfirmed(epoch: Epoch): boolean {
    return epoch !== this.current && this.unconfirmed.includes(epoch);
  }

  /** Makes an epoch the current one. */
  promote(epoch: Epoch): Succession {
    const { current, core } = this;
    const at = this.unconfirmed.indexOf(epoch);
    if (at >= 0) this.unconfirmed.splice(at, 1);
    this.drop(this.previous);
    this.previous = undefined;
    this.current = epoch;
    if (current !== undefined && current.peerInstance === epoch.peerInstance) {
      this.previous = current;
      this.times[1] = core.clock.nowUs + KEEP_PREVIOUS_US;
      return 'continued';
    }
    // Datagrams of the peer's former life would spoil the duplicate windows of its new one.
    this.drop(current);
    this.times[0] = core.clock.nowUs;
    return 'fresh';
  }

  private dropPrevious(): void {
    this.drop(this.previous);
    this.previous = undefined;
  }

  /**
   * Forgets epochs whose peer showed a static key that is good no more. Answers false when the current one is among them:
   * the caller ends the session.
   */
  retain(isGood: (peerKey: string) => boolean): boolean {
    if (this.current !== undefined && !isGood(this.current.peerKey)) return false;
    if (this.previous !== undefined && !isGood(this.previous.peerKey)) this.dropPrevious();
    for (const epoch of [...this.unconfirmed]) {
      if (isGood(epoch.peerKey)) continue;
      this.unconfirmed.splice(this.unconfirmed.indexOf(epoch), 1);
      this.drop(epoch);
    }
    return true;
  }

  /** Forgets all keys. */
  end(): void {
    this.drop(this.current);
    this.current = undefined;
    this.dropPrevious();
    for (const epoch of this.unconfirmed.splice(0)) this.drop(epoch);
  }

  noteDeadline(earliest: Earliest): void {
    if (this.current !== undefined) earliest.note(this.current.createdAtUs + REJECT_AFTER_US);
    if (this.previous !== undefined) earliest.note(this.previousEndsUs);
  }

  /** Forgets keys whose time has come. Answers true when the session itself ended. */
  expire(nowUs: number): boolean {
    if (this.previous !== undefined && nowUs >= this.previousEndsUs) this.dropPrevious();
    if (this.current === undefined || nowUs < this.current.createdAtUs + REJECT_AFTER_US) return false;
    this.end();
    return true;
  }

  private make(established: Established, peerKey: string): Epoch {
    const { core } = this;
    const epoch = new Epoch(this.peer, established, core.clock.nowUs, core, peerKey);
    core.epochs.put(epoch);
    return epoch;
  }

  private drop(epoch: Epoch | undefined): void {
    if (epoch === undefined || !epoch.alive) return;
    epoch.end();
    this.core.epochs.free(epoch.localIndex);
  }
}
