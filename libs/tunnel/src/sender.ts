/**
 * How packets reach one peer: each is numbered on the path that was chosen for it, and sent again when it was lost or when
 * a path that carried it falls silent.
 */
import {
  BUNDLED_HEADER_BYTES,
  FLAG_PROTECTED,
  FLAG_REPLAY,
  type FrameWriter,
  KIND_PACKET,
  OVERHEAD_BYTES,
} from '@corridor/wire';
import { SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import {
  MTU_FLOOR,
  REPLAY_AT_ONCE_BYTES,
  REPLAY_AT_ONCE_US,
  REPLAY_HORIZON_US,
  SMALL_PACKET_BYTES,
} from './constants.js';
import type { Core } from './core.js';
import type { Epoch } from './epochs.js';
import { isLate } from './lateness.js';
import type { NumberSpace } from './number-space.js';
import { NO_ROUTE, type Path } from './path.js';
import type { Peer } from './peer.js';
import { WAITS_DOUBTFUL, WAITS_LOST } from './recovery.js';
import type { RepairEncoder } from './repair/index.js';
import type { Execution } from './scheduler.js';
import type { LossHandler } from './sent-log.js';
import { DATAGRAMS_SAVED, PACKETS_BUNDLED, QUEUE_EXPIRED, REPAIRS_SENT } from './tally.js';

/**
 * Packets that share no datagram with others: those that repairs cover, as repairs are dimensioned for losses that take one
 * packet each, and those that go again, as they were unlucky once.
 */
const GOES_ALONE = FLAG_PROTECTED | FLAG_REPLAY;

export class Sender implements LossHandler {
  /** The path whose losses {@link lose} is told of. */
  losing: Path | undefined;
  private readonly core: Core;
  private replayed = 0;
  private replayedBytes = 0;
  /** The path whose tail is being replayed. */
  private abandoned: Path | undefined;
  private replaysAll = false;
  private readonly chooseOne = (slot: number): void => this.choose(slot);

  constructor(private readonly peer: Peer) {
    this.core = peer.core;
  }

  /** Largest inner packet that every path of a class carries. */
  largestPacket(classIndex: number): number {
    return this.peer.scheduler.executions[classIndex].maxPacket;
  }

  /**
   * Largest inner packet that any path carries which is not down; while all are, any path at all: what waits for one to
   * come back is better held than refused.
   */
  largestAnywhere(): number {
    let working = -1;
    let any = -1;
    for (const path of this.peer.paths) {
      if (!path.usable) continue;
      const carries = path.maxDatagram === 0 ? this.core.mtu : path.maxDatagram - OVERHEAD_BYTES;
      if (path.state !== 'down' && carries > working) working = carries;
      if (carries > any) any = carries;
    }
    return working >= 0 ? working : any >= 0 ? any : this.core.mtu;
  }

  /** The size of `path` turned out to be smaller than what was sent on it: that goes out again elsewhere. */
  replayTooBig(path: Path): void {
    const { slots } = this.core;
    this.abandoned = path;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      const wasSent = slots.owner[slot] === this.peer.number && (slots.carriers[slot] & path.bit) !== 0;
      if (wasSent && !path.fits(slots.length[slot])) this.choose(slot);
    }
  }

  /**
   * Has every unacknowledged packet of `path` sent again, by the plan of its class as it is now, unless a copy is under
   * way on a path that is up. Answers how many there were.
   */
  replayTail(path: Path): number {
    const { slots } = this.core;
    this.begin(path);
    const { current, previous } = this.peer.sessions;
    previous?.spaces[path.id]?.sent.forEachHeld(slots, this.chooseOne);
    current?.spaces[path.id]?.sent.forEachHeld(slots, this.chooseOne);
    return this.replayedNow();
  }

  /**
   * Sends again what was sent to this peer and is guarded by no path: after a silence of every path.
   * @param all also what is guarded: in a new session, which knows nothing of what was sent in the one before
   */
  replayHeld(all = false): number {
    const { slots } = this.core;
    this.begin(undefined);
    this.replaysAll = all;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      if (slots.owner[slot] === this.peer.number) this.choose(slot);
    }
    this.replaysAll = false;
    return this.replayedNow();
  }

  /** A packet that `losing` carried is lost: it goes again, unless a copy is under way or its time has passed. */
  lose(slot: number): void {
    const { slots, clock } = this.core;
    const { losing } = this;
    if (losing !== undefined) slots.carriers[slot] &= ~losing.bit;
    if (slots.waiting[slot] !== 0 || (slots.carriers[slot] !== 0 && this.isAnsweredFor(slots.carriers[slot]))) return;
    slots.carriers[slot] = 0;
    const execution = this.executionOf(slot);
    if (clock.nowUs - slots.heldSinceUs[slot] > execution.rules.deadlineUs) {
      this.peer.tally.add(QUEUE_EXPIRED);
      slots.release(slot);
    } else this.peer.dispatcher.recovery.push(slot, execution.index, WAITS_LOST);
  }

  /**
   * Whether the losses of one of these paths are found: of one that is silent for long what became of its packets may never be
   * known. Where all of them are in doubt, the packet is looked at again when that is settled.
   */
  private isAnsweredFor(carriers: number): boolean {
    const { paths } = this.peer;
    let isDoubtful = false;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if ((carriers & path.bit) === 0 || path.space === undefined || !path.usable) continue;
      if (path.state === 'up') return true;
      if (path.state === 'suspect') isDoubtful = true;
    }
    if (isDoubtful) this.peer.liveness.unrescued = true;
    return isDoubtful;
  }

  /** What {@link choose} is told of from now on are packets that `abandoned` carries, if it is one. */
  begin(abandoned: Path | undefined): void {
    this.replayed = 0;
    this.replayedBytes = 0;
    this.abandoned = abandoned;
  }

  /** The paths that take over learn what comes to them: a tail goes out at once, as a failover needs it. */
  private replayedNow(): number {
    const { peer, replayed } = this;
    if (replayed === 0) return 0;
    const burst = Math.min(this.replayedBytes, REPLAY_AT_ONCE_BYTES);
    for (const execution of peer.scheduler.executions) {
      const first = execution.paths[0];
      if (execution.count > 0 && first?.state === 'up') this.prepare(first, execution.demand.rateBps, burst);
    }
    return replayed;
  }

  private prepare({ congestion, feedback, space }: Path, demandBps: number, burstBytes: number): void {
    const { clock } = this.core;
    // Its own answers are overdue: perhaps it is the peer that is silent, and all of this in vain.
    if (space !== undefined && clock.nowUs - space.sent.tailSentAtUs > feedback.expectedUs) return;
    if (congestion.isDiscovering) congestion.expect(demandBps, burstBytes, clock);
    else {
      const carries = (congestion.rateBps * REPLAY_AT_ONCE_US) / 8e6;
      congestion.expect(0, Math.min(burstBytes, carries), clock);
    }
  }

  /** Marks a packet to be sent again, unless it is too old or some other path answers for it. */
  choose(slot: number): void {
    const { slots, clock } = this.core;
    if (slots.sent[slot] === 0 || slots.waiting[slot] !== 0) return;
    if (clock.nowUs - slots.heldSinceUs[slot] > REPLAY_HORIZON_US || this.peer.sessions.current === undefined) return;
    const abandonedBit = this.abandoned?.bit ?? 0;
    // Replayed before, or sent twice in this space: another path answers for it now.
    if (abandonedBit !== 0 && (slots.carriers[slot] & abandonedBit) === 0) return;
    slots.carriers[slot] &= ~abandonedBit;
    const execution = this.executionOf(slot);
    if (execution.count === 0 || (!this.replaysAll && this.isGuarded(slot))) {
      if (execution.count === 0) this.peer.liveness.unrescued = true;
      slots.carriers[slot] |= abandonedBit;
      return;
    }
    slots.carriers[slot] = 0;
    slots.doubted[slot] = this.abandoned?.state === 'suspect' ? abandonedBit : 0;
    this.peer.dispatcher.recovery.push(slot, execution.index, WAITS_DOUBTFUL);
    this.replayed++;
    this.replayedBytes += slots.length[slot] + OVERHEAD_BYTES;
  }

  /**
   * Whether the path whose silence has a packet wait to be sent again answers after all, and nothing yet that was sent
   * later than the packet: then it guards its fate as before.
   */
  answersAgain(slot: number): boolean {
    const { slots } = this.core;
    const { paths } = this.peer;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (path.bit !== slots.doubted[slot] || path.state !== 'up' || !path.usable) continue;
      if (slots.sentUs[slot] <= path.answeredSentUs) return false;
      slots.carriers[slot] |= path.bit;
      return true;
    }
    return false;
  }

  /** How packets of the slot's class go out now; a class that is no more goes as the default one. */
  executionOf(slot: number): Execution {
    const { executions } = this.peer.scheduler;
    return executions[this.core.slots.flow[slot] >>> 12] ?? executions[0];
  }

  /**
   * Whether a path that carries the packet guards its fate. One that has been up ever since does: its losses are found
   * one by one. So does one that answered nothing sent later; while it is suspect, only until it answers or goes
   * down, or the packet is late, when {@link replayHeld} looks again.
   */
  private isGuarded(slot: number): boolean {
    const { slots, clock } = this.core;
    const sentUs = slots.sentUs[slot];
    let isDoubtful = false;
    for (const path of this.peer.paths) {
      if ((slots.carriers[slot] & path.bit) === 0 || path.space === undefined || !path.usable) continue;
      const isOpen = sentUs > path.answeredSentUs;
      if (path.state === 'up' && (isOpen || path.sinceUs <= sentUs)) return true;
      if (path.state === 'suspect' && isOpen) isDoubtful = true;
    }
    if (!isDoubtful || isLate(slots, slot, this.executionOf(slot), clock)) return false;
    this.peer.liveness.unrescued = true;
    return true;
  }

  /** Gives a packet that goes out for the first time its place in its flow. */
  number(slot: number): void {
    const { slots } = this.core;
    slots.sent[slot] = 1;
    slots.sequence[slot] = this.peer.sequences.take(slots.flow[slot]);
  }

  /** Sends a held packet on a path, whether congestion control likes it or not. @param flags of this transmission */
  transmit(path: Path, slot: number, flags: number): void {
    const { slots, outgoing, clock } = this.core;
    const space = path.space;
    if (space === undefined) return;
    const { epoch, sent } = space;
    const length = slots.length[slot];
    const flow = slots.flow[slot];
    if (slots.sent[slot] === 0) this.number(slot);
    if (length <= SMALL_PACKET_BYTES && this.bundle(path, space, slot, flags | slots.flags[slot])) return;
    const route = path.validating ? this.peer.validation.routeFor(path, length + OVERHEAD_BYTES) : path.route;
    outgoing.addPacket(
      epoch.sendKey,
      route,
      path.id,
      sent.next,
      epoch.remoteIndex,
      KIND_PACKET | ((flags | slots.flags[slot]) << 8),
      flow,
      slots.sequence[slot],
      clock,
      (slot << SLOT_SHIFT) + SLOT_HEADROOM,
      length,
    );
    sent.record(clock, length + OVERHEAD_BYTES, slot, slots.generation[slot], true);
    path.congestion.sent(length + OVERHEAD_BYTES, clock);
    this.carries(path, slot);
  }

  /**
   * Puts a small packet into the datagram that was sent last on the path, if that is open, not sealed yet and has room. Never
   * behind an older one: the order of packets on a path stays what it would be without. Otherwise the datagram that it gets
   * to itself, now, is the one that others may follow into.
   */
  private bundle(path: Path, space: NumberSpace, slot: number, flags: number): boolean {
    if (!space.epoch.readsBundles || path.validating || (flags & GOES_ALONE) !== 0) return false;
    const { outgoing } = this.core;
    if (space.openDrain === outgoing.drains && space.sent.isOpen && this.append(path, space, slot, flags)) return true;
    space.openEntry = outgoing.nextPacket;
    space.openDrain = outgoing.drains;
    space.sent.openNext();
    return false;
  }

  private append(path: Path, { sent, openEntry }: NumberSpace, slot: number, flags: number): boolean {
    const { slots, outgoing, clock } = this.core;
    const length = slots.length[slot];
    const bytes = BUNDLED_HEADER_BYTES + length;
    if (!outgoing.mayExtend(openEntry, bytes, MTU_FLOOR) || !sent.mayExtend) return false;
    const source = (slot << SLOT_SHIFT) + SLOT_HEADROOM;
    const isFirst = !outgoing.isBundle(openEntry);
    outgoing.extend(openEntry, flags, slots.flow[slot], slots.sequence[slot], source, length);
    sent.extend(bytes, slot, slots.generation[slot]);
    path.congestion.sent(bytes, clock);
    this.carries(path, slot);
    this.peer.tally.add(PACKETS_BUNDLED, isFirst ? 2 : 1);
    this.peer.tally.add(DATAGRAMS_SAVED);
    return true;
  }

  private carries(path: Path, slot: number): void {
    const { slots, clock } = this.core;
    slots.sentUs[slot] = clock.nowUs;
    slots.carriers[slot] |= path.bit;
    path.askedUs = clock.nowUs;
  }

  /** Sends the oldest waiting repair on a path. Answers its bytes. */
  transmitRepair(path: Path, encoder: RepairEncoder): number {
    const { outgoing, clock } = this.core;
    const { epoch, sent } = path.space as NumberSpace;
    const route = path.validating ? this.peer.validation.routeFor(path, encoder.nextLength) : path.route;
    const bytes = outgoing.addRepair(encoder, epoch.sendKey, route, path.id, sent.next, epoch.remoteIndex, clock);
    sent.record(clock, bytes, -1, 0, true);
    path.congestion.sent(bytes, clock);
    path.askedUs = clock.nowUs;
    this.peer.tally.add(REPAIRS_SENT);
    return bytes;
  }

  /** Starts a datagram of frames, to be ended by {@link sendFrames}. */
  beginFrames(): FrameWriter {
    return this.core.outgoing.beginFrames();
  }

  /**
   * Sends the frames written since {@link beginFrames} on a path.
   * @param asks whether they ask for an acknowledgement
   * @param epoch under whose keys
   */
  sendFrames(path: Path, asks: boolean, epoch: Epoch | undefined = this.peer.sessions.current): void {
    if (epoch === undefined || path.route === NO_ROUTE) return;
    const { outgoing, clock } = this.core;
    const { sent } = epoch.space(path);
    const bytes = outgoing.commitFrames(epoch.sendKey, path.route, path.id, sent.next, epoch.remoteIndex, clock);
    if (path.validating) path.budget -= bytes;
    sent.record(clock, bytes, -1, 0, asks);
    if (!asks) return;
    path.congestion.sent(bytes, clock);
    path.askedUs = clock.nowUs;
  }

  /** Likewise frames that are padded to try a size: their silence and loss mean nothing else. */
  sendPadded(path: Path): void {
    const { space } = path;
    if (space === undefined) return;
    const { outgoing, clock } = this.core;
    const { epoch, sent } = space;
    const bytes = outgoing.commitFrames(epoch.sendKey, path.route, path.id, sent.next, epoch.remoteIndex, clock);
    sent.recordPadded(clock, bytes);
  }
}
