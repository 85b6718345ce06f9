/** What both engines are driven by: the contract with the host, and the deadlines of all peers. */
import type { DatagramBatch, PacketBatch } from './batch.js';
import { HELD_AT_MOST_US, MAX_BATCH, REPLAY_HORIZON_US, SWEEP_INTERVAL_US } from './constants.js';
import { Core } from './core.js';
import { DeadlineQueue } from './deadline-queue.js';
import { type Engine, EngineMisuseError, type EngineOptions, type Sink } from './engine.js';
import type { Epoch } from './epochs.js';
import type { HandshakeRefusal } from './handshake/index.js';
import { Inbound } from './inbound.js';
import { Outbound } from './outbound.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { peerStatus } from './peer-status.js';
import type { EngineRole } from './role.js';
import type { PeerStatus } from './status.js';
import { HELD_GIVEN_UP } from './tally.js';

export abstract class Driver implements Engine, EngineRole {
  readonly sendSlab: Uint8Array;
  readonly receiveSlab: Uint8Array;
  abstract readonly followsAnnouncements: boolean;

  protected readonly core: Core;
  protected readonly inbound: Inbound;
  protected readonly outbound: Outbound;
  private readonly queue = new DeadlineQueue();
  private readonly touchedPeers: (Peer | undefined)[] = [];
  private touchedCount = 0;
  private readonly refused = new Map<HandshakeRefusal, number>();
  private drained = true;
  private closed = false;
  private readonly giveUp = (slot: number): void => {
    const { slots, clock } = this.core;
    const peer = this.peerByNumber(slots.owner[slot]);
    if (peer === undefined) return;
    if (slots.sent[slot] === 0) peer.dispatcher.remove(slot);
    if (clock.nowUs - slots.heldSinceUs[slot] <= REPLAY_HORIZON_US) peer.tally.add(HELD_GIVEN_UP);
  };
  private readonly sweepAt = new Float64Array(1);

  constructor(options: EngineOptions) {
    this.core = new Core(options);
    this.inbound = new Inbound(this.core, this);
    this.outbound = new Outbound(this.core, this, this.inbound);
    this.sendSlab = this.core.slots.slab;
    this.receiveSlab = this.inbound.slab;
  }

  // --- what the roles fill in, see EngineRole -----------------------------------------------------------------------

  abstract peerByNumber(number: number): Peer | undefined;
  abstract routeOf(offset: number): Peer | undefined;
  abstract acceptsSource(peer: Peer, offset: number): boolean;
  abstract receiveHandshake(batch: DatagramBatch, index: number): void;
  abstract pathOf(peer: Peer, pathId: number): Path | undefined;
  abstract noteSource(peer: Peer, path: Path, batch: DatagramBatch, index: number): void;
  abstract confirm(peer: Peer, epoch: Epoch): void;
  abstract closedByPeer(peer: Peer, reason: string): void;
  protected abstract allPeers(): Iterable<Peer>;
  /** Says goodbye to every peer. */
  protected abstract sayGoodbye(): void;

  // --- driving ------------------------------------------------------------------------------------------------------

  lendSlots(batch: PacketBatch): number {
    this.mustBeDrained();
    return this.core.slots.lend(batch, this.giveUp);
  }

  sendPackets(batch: PacketBatch, nowUs: number): void {
    checkCount(batch.count);
    this.begin(nowUs);
    this.outbound.send(batch);
    this.end();
  }

  receiveDatagrams(batch: DatagramBatch, nowUs: number): void {
    checkCount(batch.count);
    this.begin(nowUs);
    this.inbound.receive(batch);
    this.end();
  }

  tick(nowUs: number): void {
    this.begin(nowUs);
    for (let peer = this.queue.due(nowUs); peer !== undefined; peer = this.queue.due(nowUs)) {
      peer.settle();
      this.queue.served(peer);
    }
    this.end();
  }

  drain(sink: Sink): void {
    const { core, inbound } = this;
    core.outgoing.drain(sink);
    core.drained();
    if (inbound.delivery.count > 0) sink.packets(inbound.delivery);
    inbound.reset();
    if (core.events.length > 0) {
      const events = core.events;
      core.events = [];
      for (const event of events) sink.event(event);
    }
    this.drained = true;
  }

  nextDeadlineUs(): number {
    return this.queue.nextUs();
  }

  status(nowUs: number, from = 0, count = Number.POSITIVE_INFINITY): PeerStatus[] {
    const peers = [...this.allPeers()].slice(from, from + count);
    return peers.map((peer) => peerStatus(peer, nowUs));
  }

  close(nowUs: number): void {
    this.begin(nowUs);
    this.sayGoodbye();
    this.queue.clear();
    this.closed = true;
  }

  /** Handshake datagrams that were not followed, by reason, and transport datagrams for nobody. */
  get refusals(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>(this.refused);
    if (this.inbound.unknown[0] > 0) counts.set('unknown-receiver', this.inbound.unknown[0]);
    return counts;
  }

  protected refuse(reason: HandshakeRefusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  touch(peer: Peer): void {
    if (peer.touched) return;
    peer.touched = true;
    this.touchedPeers[this.touchedCount++] = peer;
  }

  /** Starts a mutation. */
  protected begin(nowUs: number): void {
    if (this.closed) throw new EngineMisuseError('ERR_CLOSED', 'the engine was closed');
    this.mustBeDrained();
    if (!(nowUs >= this.core.clock.nowUs)) {
      throw new EngineMisuseError('ERR_TIME_WENT_BACK', `time went from ${this.core.clock.nowUs} back to ${nowUs}`);
    }
    this.core.clock.nowUs = nowUs;
    this.drained = false;
  }

  /** Ends a mutation: everybody whom it concerned does what is due. */
  protected end(): void {
    for (let i = 0; i < this.touchedCount; i++) {
      const peer = this.touchedPeers[i] as Peer;
      this.touchedPeers[i] = undefined;
      peer.touched = false;
      peer.settle();
      this.queue.update(peer);
    }
    this.touchedCount = 0;
    if (this.core.clock.nowUs >= this.sweepAt[0]) this.sweep();
  }

  /**
   * Releases what nobody can want any more: packets whose fate will never be known, as their path, keys or session went
   * away, and those that wait for somebody who is gone.
   */
  private sweep(): void {
    const { slots, clock } = this.core;
    this.sweepAt[0] = clock.nowUs + SWEEP_INTERVAL_US;
    let slot = slots.oldestHeld();
    while (slot >= 0 && clock.nowUs - slots.heldSinceUs[slot] > HELD_AT_MOST_US) {
      const after = slots.nextHeld(slot);
      const dispatcher = this.peerByNumber(slots.owner[slot])?.dispatcher;
      if (dispatcher === undefined) slots.release(slot);
      else dispatcher.giveUp(slot);
      slot = after;
    }
  }

  /** The peer is no longer to be called. */
  protected forget(peer: Peer): void {
    this.queue.remove(peer);
    for (let i = 0; i < this.touchedCount; i++) {
      if (this.touchedPeers[i] === peer) this.touchedPeers[i] = this.touchedPeers[--this.touchedCount];
    }
    peer.touched = false;
  }

  private mustBeDrained(): void {
    if (!this.drained) throw new EngineMisuseError('ERR_NOT_DRAINED', 'drain() must follow every mutation');
  }
}

function checkCount(count: number): void {
  if (count >= 0 && count <= MAX_BATCH) return;
  throw new EngineMisuseError('ERR_BAD_BATCH', `a batch holds 0 to ${MAX_BATCH} entries, not ${count}`);
}
