/**
 * Decides, packet by packet, what goes out now and where: new packets out of their classes' queues, and before those of
 * equal rank the ones that must go again. A packet goes when a path that its class uses has room, by congestion control
 * and pacing; until then it waits here and not in the network, where nobody could decide any more.
 */
import { FLAG_COPY, FLAG_ORDERED, FLAG_PROTECTED, FLAG_REPLAY } from '@corridor/wire';
import { SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import type { Earliest } from './clock.js';
import {
  BULK_TARGET_US,
  CHANGE_PARDON_US,
  DISCOVERY_TARGET_US,
  LATE_CHECK_US,
  MAX_BUDGET_BYTES,
  PARDON_AGAIN_US,
  REAL_TIME_US,
  RESUME_LATE_US,
  RESUME_PARDON_US,
  VARYING_TARGET_US,
} from './constants.js';
import type { Core } from './core.js';
import { TCP_FLOW } from './flow-hash.js';
import { hasRoom, isLate, pickAny, pickForLate } from './lateness.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { ClassQueues, DROPPED_CODEL, DROPPED_DEADLINE } from './queueing/index.js';
import { Recovery, WAITS_DOUBTFUL } from './recovery.js';
import { RepairEncoder } from './repair/index.js';
import {
  BALANCE,
  BALANCE_PARTS,
  type Balance,
  BUDGET_BYTES,
  betterForControl,
  COPIES,
  DOUBTED_UNTIL_US,
  type Execution,
  FELT_DROPPED_BYTES,
  FELT_DROPS,
  FELT_RETRANSMISSIONS,
  SPILL,
} from './scheduler.js';
import { Spill } from './spill.js';
import {
  BYTES_SENT,
  COPIES_SENT,
  NO_PATH,
  PACKETS_SENT,
  QUEUE_DROPS,
  QUEUE_EXPIRED,
  QUEUE_OVERFLOWS,
  REPLAYS_SENT,
  RETRANSMISSIONS,
} from './tally.js';

/** A stream on an unknown path is expected to need so much more than it was seen to. */
const HEADROOM = 1.25;
/** The longest datagram; and longer than it takes on a link that is of any use. */
const FULL_PACKET_BITS = 12_000;
const SLOWEST_PACKET_US = 500_000;

export class Dispatcher {
  readonly queues: ClassQueues;
  private readonly pardonedAt = new Float64Array([Number.NEGATIVE_INFINITY]);
  private readonly resumedAt = new Float64Array([Number.NEGATIVE_INFINITY]);
  readonly recovery: Recovery;
  private readonly core: Core;
  private readonly spill: Spill;
  /** Classes whose packets cannot go again in the running dispatch, one bit each. */
  private blocked = 0;
  /** The path that the last protected packet took. */
  private anchor: Path | undefined;
  /** Made with the first packet that repairs shall cover. */
  private encoder: RepairEncoder | undefined;

  constructor(private readonly peer: Peer) {
    this.core = peer.core;
    this.recovery = new Recovery(this.core.slots);
    this.queues = new ClassQueues(this.core.queuePool, peer.scheduler.rules, (slot, reason) => {
      if (reason === DROPPED_CODEL && this.sendElsewhere(slot)) return;
      peer.tally.add(
        reason === DROPPED_CODEL ? QUEUE_DROPS : reason === DROPPED_DEADLINE ? QUEUE_EXPIRED : QUEUE_OVERFLOWS,
      );
      const { slots } = this.core;
      const { numbers } = peer.sender.executionOf(slot);
      numbers[FELT_DROPS]++;
      numbers[FELT_DROPPED_BYTES] += slots.length[slot];
      slots.release(slot);
    });
    this.spill = new Spill(this.core, this.queues);
  }

  /** Takes over a packet that is held in its slot: sends it, or lets it wait for its turn. */
  send(slot: number, classIndex: number, length: number, flow: number): void {
    const { peer, queues, recovery } = this;
    const execution = peer.scheduler.executions[classIndex];
    peer.tally.add(PACKETS_SENT);
    peer.tally.add(BYTES_SENT, length);
    execution.demand.note(length, flow, this.core.clock);
    if (execution.count === 0 || peer.sessions.current === undefined) peer.tally.add(NO_PATH);
    else if (queues.packets === 0 && !recovery.isWaiting && this.put(slot, execution, 0)) return;
    if (queues.backlogPackets(classIndex) === 0) this.spill.beginWaiting(execution);
    this.start(execution);
    queues.enqueue(slot, classIndex, this.core.clock);
  }

  /** A stream that begins on a path of which nothing is known yet begins at its own rate. */
  private start(execution: Execution): void {
    const first = execution.paths[0];
    if (first === undefined || execution.count === 0 || !first.congestion.isDiscovering) return;
    const { clock } = this.core;
    const wantedBps = execution.demand.peekBps(clock) * HEADROOM;
    if (wantedBps > first.congestion.rateBps) first.congestion.expect(wantedBps, 0, clock);
  }

  /**
   * Plans have been made: queues stand as long as they must for them, and no longer, and a path that takes over learns
   * what comes to it.
   */
  planned(): void {
    const { clock } = this.core;
    for (const execution of this.peer.scheduler.executions) {
      this.queues.setTarget(execution.index, targetUs(execution));
      const { paths, count, mode, demand } = execution;
      const takers = mode === COPIES ? count : Math.min(count, 1);
      let carried = 0;
      for (let i = 0; i < takers; i++) {
        const { bit, state, congestion } = paths[i] as Path;
        carried |= bit;
        const isNew = (execution.carried & bit) === 0;
        // What waits now waits for the change, not because too much was sent.
        if (isNew) this.pardon();
        if (isNew && state === 'up' && congestion.isDiscovering) congestion.expect(demand.rateBps * HEADROOM, 0, clock);
      }
      execution.carried = carried;
    }
  }

  /** Everything stood still, and what waited goes out now, beside what is new. */
  resume(): void {
    const { clock } = this.core;
    this.queues.pardon(RESUME_PARDON_US, clock);
    this.resumedAt[0] = clock.nowUs;
  }

  /** Not again and again: where paths change all the time, a queue that stands has other reasons. */
  private pardon(): void {
    const { clock } = this.core;
    if (clock.nowUs - this.pardonedAt[0] < PARDON_AGAIN_US) return;
    this.pardonedAt[0] = clock.nowUs;
    this.queues.pardon(CHANGE_PARDON_US, clock);
  }

  /** Sends what may go. Asked at the end of every mutation. */
  run(): void {
    const { queues, recovery, peer } = this;
    const { clock } = this.core;
    if ((queues.packets > 0 || recovery.isWaiting) && peer.sessions.current !== undefined) {
      this.blocked = 0;
      queues.begin(clock);
      while (this.sendNext());
    }
    if (this.encoder !== undefined) this.repair(this.encoder);
    if (queues.packets > 0 || recovery.isWaiting) return;
    for (let i = 0; i < peer.paths.length; i++) peer.paths[i].congestion.limitedByApplication(clock);
  }

  noteDeadline(earliest: Earliest): void {
    this.encoder?.noteDeadline(earliest);
    if (this.queues.packets === 0 && !this.recovery.isWaiting) return;
    // What waits may become late, and go elsewhere.
    earliest.note(this.core.clock.nowUs + LATE_CHECK_US);
    const { paths } = this.peer;
    for (let i = 0; i < paths.length; i++) {
      const { congestion, usable } = paths[i];
      // What could go now and does not, waits for something else.
      if (usable && congestion.waitUs(this.core.clock) > 0) congestion.noteDeadline(earliest);
    }
  }

  /** Other classes: what waits goes to the class of the same name, or to the default one. @param before those until now */
  reconfigure(before: readonly Execution[]): void {
    const { executions, rules } = this.peer.scheduler;
    const places = before.map((old) =>
      Math.max(
        0,
        executions.findIndex((one) => one.name === old.name),
      ),
    );
    this.queues.reconfigure(rules, places);
    this.recovery.reconfigure(places);
  }

  /** The peer is gone, and its slots will be released. */
  clear(): void {
    this.queues.clear();
    this.encoder?.clear();
  }

  /** A packet is too old to be of use. */
  giveUp(slot: number): void {
    const { slots } = this.core;
    if (this.queues.remove(slot) || slots.waiting[slot] !== 0) this.peer.tally.add(QUEUE_EXPIRED);
    slots.release(slot);
  }

  /** A slot is given up by somebody else. */
  remove(slot: number): void {
    this.queues.remove(slot);
  }

  private sendNext(): boolean {
    const { queues, recovery } = this;
    const { executions, rankOf } = this.peer.scheduler;
    const fresh = queues.next();
    const again = recovery.isWaiting ? this.nextAgain() : -1;
    if (again >= 0 && (fresh < 0 || rankOf[again] <= rankOf[queues.classOfNext])) {
      this.sendAgain(recovery.next(again), again, executions[again] ?? executions[0]);
      return true;
    }
    if (fresh < 0) return false;
    const execution = executions[queues.classOfNext];
    if (this.put(fresh, execution, 0)) {
      queues.taken();
      if (queues.backlogPackets(execution.index) === 0) this.spill.endWaiting(execution);
    } else queues.blocked(!(execution.mode === BALANCE && execution.pinned));
    return true;
  }

  /** The class of highest rank with a packet that must go again and is not blocked; -1 for none. */
  private nextAgain(): number {
    const { recovery } = this;
    const { ranking } = this.peer.scheduler;
    for (let rank = 0; rank < ranking.length; rank++) {
      const index = ranking[rank];
      if (!recovery.mayHave(index) || (this.blocked & (1 << index)) !== 0) continue;
      if (recovery.next(index) >= 0) return index;
    }
    return -1;
  }

  private sendAgain(slot: number, classIndex: number, execution: Execution): void {
    const { recovery, peer } = this;
    const { slots, clock } = this.core;
    if (clock.nowUs - slots.heldSinceUs[slot] > execution.rules.deadlineUs) {
      recovery.taken(classIndex);
      peer.tally.add(QUEUE_EXPIRED);
      execution.numbers[FELT_DROPS]++;
      slots.release(slot);
      return;
    }
    // While all paths are silent, none is better than the one that has carried it.
    const isDoubtful = slots.waiting[slot] === WAITS_DOUBTFUL;
    if (isDoubtful && peer.sender.answersAgain(slot)) recovery.taken(classIndex);
    else if ((!isDoubtful || execution.someAnswers()) && this.put(slot, execution, FLAG_REPLAY)) {
      if (isDoubtful) peer.tally.add(REPLAYS_SENT);
      recovery.taken(classIndex);
      peer.tally.add(RETRANSMISSIONS);
      execution.numbers[FELT_RETRANSMISSIONS]++;
    } else this.blocked |= 1 << classIndex;
  }

  /** Sends a packet as the plan of its class says. Answers whether it went: false when no path has room. */
  private put(slot: number, execution: Execution, flags: number): boolean {
    const length = this.core.slots.length[slot];
    if (execution.count === 0) return false;
    if (execution.mode === COPIES) return this.putCopies(slot, execution, length, flags);
    const path = this.pickLate(slot, execution) ?? this.pick(slot, execution, length);
    if (path === undefined) return false;
    path.congestion.isElastic = (this.core.slots.flags[slot] & FLAG_ORDERED) !== 0;
    if (flags === 0 && execution.repairPermille > 0) this.protect(slot, execution, length, path);
    this.peer.sender.transmit(path, slot, flags | execution.flags);
    if (flags === 0 && execution.rules.redundancy > 0) this.spend(slot, execution, length, path);
    return true;
  }

  private putCopies(slot: number, execution: Execution, length: number, flags: number): boolean {
    const { sender, tally } = this.peer;
    // What a silent path has left behind goes to those that answer.
    const avoidsSilent = flags !== 0 && execution.someAnswers();
    const { doubted, numbers } = execution;
    const awaitsDoubted = flags === 0 && doubted !== undefined && this.core.clock.nowUs < numbers[DOUBTED_UNTIL_US];
    if (awaitsDoubted && doubted.fits(length) && !this.hasRoom(doubted, execution, length)) return false;
    let sent = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (avoidsSilent && path.state !== 'up' && path.state !== 'gated') continue;
      if (!path.fits(length) || !this.hasRoom(path, execution, length)) continue;
      sender.transmit(path, slot, (sent++ === 0 ? flags : flags | FLAG_COPY) | execution.flags);
    }
    if (sent > 1) tally.add(COPIES_SENT, sent - 1);
    if (sent > 0) return true;
    const other =
      this.pickLate(slot, execution) ?? (length > execution.maxPacket ? this.pickOther(execution, length) : undefined);
    if (other === undefined) return false;
    sender.transmit(other, slot, flags | execution.flags);
    return true;
  }

  /** Copies beside the packet itself, as far as the class's budget goes. */
  private spend(slot: number, execution: Execution, length: number, main: Path): void {
    const { numbers, rules } = execution;
    numbers[BUDGET_BYTES] = Math.min(MAX_BUDGET_BYTES, numbers[BUDGET_BYTES] + rules.redundancy * length);
    let copies = execution.copies;
    for (let i = 0; i < execution.count && copies > 0; i++) {
      const path = execution.paths[i] as Path;
      if (path === main || !path.fits(length) || numbers[BUDGET_BYTES] < length) continue;
      if (!this.hasRoom(path, execution, length)) continue;
      numbers[BUDGET_BYTES] -= length;
      copies--;
      this.peer.sender.transmit(path, slot, FLAG_COPY | execution.flags);
      this.peer.tally.add(COPIES_SENT);
    }
  }

  /** Has repairs cover a packet that goes out on `path` for the first time. */
  private protect(slot: number, execution: Execution, length: number, path: Path): void {
    const { slots, clock, gf256, repairMemory } = this.core;
    if (this.encoder === undefined) this.encoder = new RepairEncoder(gf256, repairMemory);
    this.anchor = path;
    this.peer.sender.number(slot);
    const offset = (slot << SLOT_SHIFT) + SLOT_HEADROOM;
    const { encoder } = this;
    const isCovered = encoder.protect(
      slots.flow[slot],
      slots.sequence[slot] | 0,
      slots.slab,
      offset,
      length,
      execution.repairPermille,
      clock,
    );
    if (isCovered) slots.flags[slot] |= FLAG_PROTECTED;
  }

  /** Sends the repairs that are due, each on another path than its packets where one has room. */
  private repair(encoder: RepairEncoder): void {
    const { executions } = this.peer.scheduler;
    encoder.service(this.core.clock);
    while (encoder.waiting > 0) {
      const execution = executions[encoder.nextFlow >>> 12] ?? executions[0];
      const path = this.pickForRepair(execution, encoder.nextLength);
      if (path === undefined) encoder.drop();
      else execution.numbers[BUDGET_BYTES] -= this.peer.sender.transmitRepair(path, encoder);
    }
  }

  private pickForRepair(execution: Execution, length: number): Path | undefined {
    let same: Path | undefined;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (path.space === undefined || !path.fits(length) || !this.hasRoom(path, execution, length)) continue;
      if (path !== this.anchor) return path;
      same = path;
    }
    return same;
  }

  private hasRoom(path: Path, execution: Execution, length: number): boolean {
    return hasRoom(path, execution, length, this.core.clock);
  }

  /** CoDel would drop what may answer to no drop: it goes where there is room, and is lost only where there is none. */
  private sendElsewhere(slot: number): boolean {
    const { slots, clock } = this.core;
    if ((slots.flow[slot] & TCP_FLOW) !== 0) return false;
    const execution = this.peer.sender.executionOf(slot);
    const path = pickAny(this.peer.paths, slots, slot, execution, execution.capped, clock);
    if (path === undefined) return false;
    this.peer.sender.transmit(path, slot, execution.flags);
    return true;
  }

  private pickLate(slot: number, execution: Execution): Path | undefined {
    const { slots, clock } = this.core;
    // After an interruption everything is late, and the paths of the plan are not to blame.
    if (clock.nowUs - this.resumedAt[0] < RESUME_LATE_US) return undefined;
    return isLate(slots, slot, execution, clock)
      ? pickForLate(this.peer.paths, slots, slot, execution, clock)
      : undefined;
  }

  /** The path for a packet, if one has room. */
  private pick(slot: number, execution: Execution, length: number): Path | undefined {
    if (execution.mode === SPILL && execution.count > 1) {
      const fastest = this.spill.fastest(execution, length);
      if (fastest === undefined) return this.pickOther(execution, length);
      return this.spill.pick(slot, execution, length, fastest);
    }
    if (execution.mode === BALANCE) return this.pickBalanced(slot, execution, length);
    const path = execution.paths[0] as Path;
    if (!path.fits(length)) return this.pickOther(execution, length);
    return this.hasRoom(path, execution, length) ? path : undefined;
  }

  private pickBalanced(slot: number, execution: Execution, length: number): Path | undefined {
    const { parts, progress, weights } = execution.balance as Balance;
    if (execution.pinned) {
      // The lowest bit is the same in all flows of a kind, see TCP_FLOW.
      const part = (this.core.slots.flow[slot] >> 1) & (BALANCE_PARTS - 1);
      const path = execution.paths[parts[part]] as Path;
      if (!path.fits(length)) return this.pickOther(execution, length);
      return this.hasRoom(path, execution, length) ? path : undefined;
    }
    let best = -1;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (best >= 0 && progress[i] >= progress[best]) continue;
      if (path.fits(length) && this.hasRoom(path, execution, length)) best = i;
    }
    if (best < 0) return length > execution.maxPacket ? this.pickOther(execution, length) : undefined;
    // A path that had no room is not owed for it.
    for (let i = 0; i < execution.count; i++) if (progress[i] < progress[best]) progress[i] = progress[best];
    progress[best] += length / weights[best];
    return execution.paths[best];
  }

  /** For a packet that none of its plan's paths carries: the fastest with room among those in the best state, not down. */
  private pickOther(execution: Execution, length: number): Path | undefined {
    const { paths } = this.peer;
    let best: Path | undefined;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (!path.usable || path.state === 'down' || !path.fits(length)) continue;
      if (best !== undefined && !betterForControl(path, best)) continue;
      if (this.hasRoom(path, execution, length)) best = path;
    }
    return best;
  }
}

/**
 * How long packets of a class may wait before CoDel minds. Not at all in real-time classes, whose deadline ends the wait.
 * Slower paths of a spilling class come into play only while a queue stands as long as they are slower, and the capacity
 * of a new path has yet to be found.
 */
function targetUs(execution: Execution): number {
  if (execution.rules.deadlineUs <= REAL_TIME_US) return Number.POSITIVE_INFINITY;
  let fastestUs = Number.POSITIVE_INFINITY;
  let slowestUs = 0;
  let discovering = execution.count === 0;
  let rateBps = 0;
  let changeBps = 0;
  let roundTripUs = 0;
  for (let i = 0; i < execution.count; i++) {
    const { sendDelayUs, congestion, rtt } = execution.paths[i] as Path;
    if (i === 0) roundTripUs = rtt.minUs;
    if (i === 0 || execution.mode === SPILL || execution.mode === BALANCE) {
      rateBps += congestion.rateBps;
      changeBps += congestion.change * congestion.rateBps;
    }
    fastestUs = Math.min(fastestUs, sendDelayUs);
    slowestUs = Math.max(slowestUs, sendDelayUs);
    if (i === 0) discovering = congestion.isDiscovering;
  }
  if (discovering) return DISCOVERY_TARGET_US;
  const spreadUs = execution.mode === SPILL && execution.count > 1 ? slowestUs - fastestUs : 0;
  // On a slow link a packet waits for those that are being sent, and that is no queue.
  const packetUs = Math.min(SLOWEST_PACKET_US, FULL_PACKET_BITS * (1e6 / rateBps));
  const varyingUs = BULK_TARGET_US + (VARYING_TARGET_US * 100 * changeBps) / rateBps;
  const bulkUs = Math.min(DISCOVERY_TARGET_US, Math.max(varyingUs, roundTripUs));
  return Math.max(bulkUs, packetUs) + Math.min(spreadUs, DISCOVERY_TARGET_US);
}
