/**
 * How packets reach one peer: each is numbered on the paths that the plan of its class names, sent, and sent again
 * when a path that carried it falls silent.
 */
import { FLAG_COPY, FLAG_REPLAY, type FrameWriter, KIND_PACKET, OVERHEAD_BYTES } from '@corridor/wire';
import { SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import { REPLAY_HORIZON_US } from './constants.js';
import type { Core } from './core.js';
import type { Epoch } from './epochs.js';
import { NO_ROUTE, type Path } from './path.js';
import type { Peer } from './peer.js';
import { BYTES_SENT, COPIES_SENT, NO_PATH, PACKETS_SENT, REPLAYS_SENT } from './tally.js';

export class Sender {
  private readonly core: Core;
  private replayed = 0;
  /** The path whose tail is being replayed. */
  private abandoned: Path | undefined;
  private readonly replayOne = (slot: number): void => this.replaySlot(slot);

  constructor(private readonly peer: Peer) {
    this.core = peer.core;
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
      this.transmit(this.roomiest(execution.paths[0] as Path), slot, 0);
      return;
    }
    for (let i = 0; i < execution.count; i++) this.transmit(execution.paths[i] as Path, slot, i === 0 ? 0 : FLAG_COPY);
    if (execution.count > 1) this.peer.tally.add(COPIES_SENT, execution.count - 1);
  }

  /** Largest inner packet that the paths of a class carry. */
  largestPacket(classIndex: number): number {
    return this.peer.scheduler.executions[classIndex].maxPacket;
  }

  /** The working path that takes the largest datagrams, `otherwise` when none is known to take more. */
  private roomiest(otherwise: Path): Path {
    let roomiest = otherwise;
    for (const path of this.peer.paths) {
      if (path.usable && path.state === 'up' && path.maxDatagram > roomiest.maxDatagram) roomiest = path;
    }
    return roomiest;
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
    previous?.spaces[path.id]?.sent.forEachHeld(slots, this.replayOne);
    current?.spaces[path.id]?.sent.forEachHeld(slots, this.replayOne);
    return this.replayed;
  }

  /** Sends everything again that is held for this peer: after a silence of every path, or in a new session. */
  replayHeld(): number {
    const { slots } = this.core;
    this.replayed = 0;
    this.abandoned = undefined;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      if (slots.owner[slot] === this.peer.number) this.replaySlot(slot);
    }
    return this.replayed;
  }

  private replaySlot(slot: number): void {
    const { slots, clock } = this.core;
    if (clock.nowUs - slots.heldSinceUs[slot] > REPLAY_HORIZON_US || this.peer.sessions.current === undefined) return;
    const execution = this.peer.scheduler.executions[slots.flow[slot] >>> 12] ?? this.peer.scheduler.executions[0];
    if (this.abandoned !== undefined) slots.carriers[slot] &= ~this.abandoned.bit;
    if (execution.count === 0 || this.isUnderWay(slot)) return;
    // While no path is up, one of the doubtful ones may be alive.
    const copies = execution.someUp() ? 1 : execution.count;
    slots.carriers[slot] = 0;
    if (slots.length[slot] > execution.maxPacket)
      this.transmit(this.roomiest(execution.paths[0] as Path), slot, FLAG_REPLAY);
    else for (let i = 0; i < copies; i++) this.transmit(execution.paths[i] as Path, slot, FLAG_REPLAY);
    this.peer.tally.add(REPLAYS_SENT, copies);
    this.replayed++;
  }

  /** Whether a healthy path carries the packet and nothing sent later was answered: then it guards the packet's fate. */
  private isUnderWay(slot: number): boolean {
    const { slots } = this.core;
    for (const path of this.peer.paths) {
      const carries = (slots.carriers[slot] & path.bit) !== 0 && path.state === 'up' && path.usable;
      if (carries && path.space !== undefined && slots.sentUs[slot] > path.answeredSentUs) return true;
    }
    return false;
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
      clock.nowUs,
      (slot << SLOT_SHIFT) + SLOT_HEADROOM,
      length,
    );
    sent.record(clock.nowUs, length + OVERHEAD_BYTES, slot, slots.generation[slot], true);
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
    const bytes = outgoing.commitFrames(epoch.sendKey, path.route, path.id, sent.next, epoch.remoteIndex, clock.nowUs);
    if (path.validating) path.budget -= bytes;
    sent.record(clock.nowUs, bytes, -1, 0, asks);
    if (asks) path.askedUs = clock.nowUs;
  }
}
