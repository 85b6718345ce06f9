/**
 * How packets reach one peer: each is numbered on the paths that the plan of its class names, sent, and sent again
 * when a path that carried it falls silent.
 */
import { FLAG_COPY, FLAG_REPLAY, type FrameWriter, KIND_PACKET, OVERHEAD_BYTES } from '@corridor/wire';
import { SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import { REPLAY_HORIZON_US, REPLAY_QUEUE_US } from './constants.js';
import type { Core } from './core.js';
import type { Epoch } from './epochs.js';
import { NO_ROUTE, type Path } from './path.js';
import type { Peer } from './peer.js';
import { Replay } from './replay.js';
import { betterForControl, type Execution } from './scheduler.js';
import { BYTES_SENT, COPIES_SENT, NO_PATH, PACKETS_SENT, REPLAYS_SENT } from './tally.js';

export class Sender {
  /** What goes out again and waits for its turn. */
  readonly replay: Replay;
  private readonly core: Core;
  private replayed = 0;
  /** The path whose tail is being replayed. */
  private abandoned: Path | undefined;
  private replaysAll = false;
  private readonly chooseOne = (slot: number): void => this.choose(slot);

  constructor(private readonly peer: Peer) {
    this.core = peer.core;
    this.replay = new Replay(
      peer.core,
      peer.number,
      (slot) => this.sendAgain(slot),
      (slot) => this.isQueueing(slot),
    );
  }

  /** Sends a held packet for the first time, as the plan of its class says. */
  sendPacket(slot: number, classIndex: number, length: number): void {
    const { executions } = this.peer.scheduler;
    const execution = executions[classIndex];
    this.peer.tally.add(PACKETS_SENT);
    this.peer.tally.add(BYTES_SENT, length);
    if (execution.count === 0 || this.peer.sessions.current === undefined) {
      this.peer.tally.add(NO_PATH);
      this.peer.liveness.unrescued = true;
      return;
    }
    if (length > execution.maxPacket) {
      const copies = this.transmitLarge(execution, slot, length, execution.count, 0);
      if (copies === 0) this.peer.tally.add(NO_PATH);
      if (copies > 1) this.peer.tally.add(COPIES_SENT, copies - 1);
      return;
    }
    for (let i = 0; i < execution.count; i++) this.transmit(execution.paths[i] as Path, slot, i === 0 ? 0 : FLAG_COPY);
    if (execution.count > 1) this.peer.tally.add(COPIES_SENT, execution.count - 1);
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
    this.replay.start();
  }

  /**
   * Sends a packet that does not fit every path of its plan: on those which it fits, at most `most` of them, or else on
   * the best other one. Answers on how many.
   */
  private transmitLarge(execution: Execution, slot: number, length: number, most: number, flags: number): number {
    let count = 0;
    for (let i = 0; i < execution.count && count < most; i++) {
      const path = execution.paths[i] as Path;
      if (path.fits(length)) this.transmit(path, slot, count++ === 0 ? flags : flags | FLAG_COPY);
    }
    if (count > 0) return count;
    const other = bestFor(this.peer.paths, length);
    if (other === undefined) {
      // Held until a path comes back.
      this.peer.liveness.unrescued = true;
      return 0;
    }
    this.transmit(other, slot, flags);
    return 1;
  }

  /**
   * Sends every unacknowledged packet of `path` again, by the plan of its class as it is now, unless a copy is under
   * way on a path that is up. Answers how many there were.
   */
  replayTail(path: Path): number {
    const { slots } = this.core;
    this.replayed = 0;
    this.abandoned = path;
    const { current, previous } = this.peer.sessions;
    previous?.spaces[path.id]?.sent.forEachHeld(slots, this.chooseOne);
    current?.spaces[path.id]?.sent.forEachHeld(slots, this.chooseOne);
    if (this.replayed > 0) this.replay.start();
    return this.replayed;
  }

  /**
   * Sends again what is held for this peer and guarded by no path: after a silence of every path.
   * @param all also what is guarded: in a new session, which knows nothing of what was sent in the one before
   */
  replayHeld(all = false): number {
    const { slots } = this.core;
    this.replayed = 0;
    this.abandoned = undefined;
    this.replaysAll = all;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      if (slots.owner[slot] === this.peer.number) this.choose(slot);
    }
    this.replaysAll = false;
    if (this.replayed > 0) this.replay.start();
    return this.replayed;
  }

  /** Marks a packet to be sent again, unless it is too old or some other path answers for it. */
  private choose(slot: number): void {
    const { slots, clock } = this.core;
    if (clock.nowUs - slots.heldSinceUs[slot] > REPLAY_HORIZON_US || this.peer.sessions.current === undefined) return;
    const abandonedBit = this.abandoned?.bit ?? 0;
    // Replayed before, or sent twice in this space: another path answers for it now.
    if (abandonedBit !== 0 && (slots.carriers[slot] & abandonedBit) === 0) return;
    slots.carriers[slot] &= ~abandonedBit;
    if (this.executionOf(slot).count === 0 || (!this.replaysAll && this.isGuarded(slot))) {
      if (this.executionOf(slot).count === 0) this.peer.liveness.unrescued = true;
      slots.carriers[slot] |= abandonedBit;
      return;
    }
    slots.carriers[slot] = 0;
    slots.waiting[slot] = 1;
    this.replayed++;
  }

  /** Sends a packet that was chosen. */
  private sendAgain(slot: number): void {
    const { slots } = this.core;
    const execution = this.executionOf(slot);
    if (execution.count === 0 || this.peer.sessions.current === undefined) {
      this.peer.liveness.unrescued = true;
      return;
    }
    // While no path is up, one of the doubtful ones may be alive.
    const copies = execution.someUp() ? 1 : execution.count;
    let sent = copies;
    if (slots.length[slot] > execution.maxPacket)
      sent = this.transmitLarge(execution, slot, slots.length[slot], copies, FLAG_REPLAY);
    else for (let i = 0; i < copies; i++) this.transmit(execution.paths[i] as Path, slot, FLAG_REPLAY);
    this.peer.tally.add(REPLAYS_SENT, sent);
  }

  private isQueueing(slot: number): boolean {
    const path = this.executionOf(slot).paths[0];
    return path !== undefined && path.feedback.latestUs > path.feedback.minUs + REPLAY_QUEUE_US;
  }

  /** How packets of the slot's class go out now; a class that is no more goes as the default one. */
  private executionOf(slot: number): Execution {
    const { executions } = this.peer.scheduler;
    return executions[this.core.slots.flow[slot] >>> 12] ?? executions[0];
  }

  /**
   * Whether a path that carries the packet guards its fate. One that has been up ever since does: a single loss is not
   * a matter of replay. So does one that answered nothing sent later; while it is suspect, only until it answers or goes
   * down, when {@link replayHeld} looks again.
   */
  private isGuarded(slot: number): boolean {
    const { slots } = this.core;
    const sentUs = slots.sentUs[slot];
    let isDoubtful = false;
    for (const path of this.peer.paths) {
      if ((slots.carriers[slot] & path.bit) === 0 || path.space === undefined || !path.usable) continue;
      const isOpen = sentUs > path.answeredSentUs;
      if (path.state === 'up' && (isOpen || path.sinceUs <= sentUs)) return true;
      if (path.state === 'suspect' && isOpen) isDoubtful = true;
    }
    if (isDoubtful) this.peer.liveness.unrescued = true;
    return isDoubtful;
  }

  private transmit(path: Path, slot: number, flags: number): void {
    const { slots, outgoing, clock } = this.core;
    const space = path.space;
    if (space === undefined) return;
    const { epoch, sent } = space;
    const length = slots.length[slot];
    const route = path.validating ? this.peer.validation.routeFor(path, length + OVERHEAD_BYTES) : path.route;
    outgoing.addPacket(
      epoch.sendKey,
      route,
      path.id,
      sent.next,
      epoch.remoteIndex,
      KIND_PACKET | (flags << 8),
      slots.flow[slot],
      slots.sequence[slot],
      clock,
      (slot << SLOT_SHIFT) + SLOT_HEADROOM,
      length,
    );
    sent.record(clock, length + OVERHEAD_BYTES, slot, slots.generation[slot], true);
    slots.sentUs[slot] = clock.nowUs;
    slots.carriers[slot] |= path.bit;
    path.askedUs = clock.nowUs;
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
    if (asks) path.askedUs = clock.nowUs;
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

/** The path for a packet that none of its plan's paths takes: the fastest among those in the best state, not down. */
function bestFor(paths: readonly Path[], length: number): Path | undefined {
  let best: Path | undefined;
  for (const path of paths) {
    if (!path.usable || path.state === 'down' || !path.fits(length)) continue;
    if (best === undefined || betterForControl(path, best)) best = path;
  }
  return best;
}
