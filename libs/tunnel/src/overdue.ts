/**
 * What has been under way for half of its deadline and is still unanswered, though its path answers far sooner at its best, was
 * lost, or stands in a queue: by the time that this is known it would be too late to send it again. So it goes over another
 * path too, whatever the plan says. A path that answers is not silent, and its losses are found one by one, but on one that
 * has become slow that takes longer than many deadlines.
 */
import { FLAG_REPLAY } from '@corridor/wire';
import { OVERDUE_CHECK_US, OVERDUE_FACTOR, OVERDUE_SHARE } from './constants.js';
import { TCP_FLOW } from './flow-hash.js';
import { pickAny } from './lateness.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { FELT_RETRANSMISSIONS } from './scheduler.js';
import { REPLAYS_SENT, RETRANSMISSIONS } from './tally.js';

// Places in `times`, microseconds.
/** When paths are looked at next. */
const NEXT = 0;
/** How long the path that is looked at may take to answer. */
const USUAL = 1;

export class Overdue {
  private readonly times = new Float64Array([Number.NEGATIVE_INFINITY, 0]);
  private readonly takeOne = (slot: number): void => this.take(slot);

  constructor(private readonly peer: Peer) {}

  /**
   * Looks at every path in use. Needs no deadline of its own: while there is traffic a plan is due five times a second, and
   * acknowledgements come far more often.
   */
  service(nowUs: number): void {
    const { times, peer } = this;
    const { paths } = peer;
    if (nowUs < times[NEXT] || paths.length < 2) return;
    times[NEXT] = nowUs + OVERDUE_CHECK_US;
    const beforeUs = nowUs - this.leastUs();
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (path.usable && this.isOpenSince(path, beforeUs)) this.look(path);
    }
  }

  /** Whether something on the path is open that was sent by then, under the keys before the current ones as well. */
  private isOpenSince({ id, space }: Path, beforeUs: number): boolean {
    if (space !== undefined && space.sent.oldestOpenUs <= beforeUs) return true;
    const before = this.peer.sessions.previous?.spaces[id];
    return before !== undefined && before.sent.oldestOpenUs <= beforeUs;
  }

  /** Nothing younger is overdue in any class. */
  private leastUs(): number {
    const { executions } = this.peer.scheduler;
    let leastUs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < executions.length; i++) leastUs = Math.min(leastUs, executions[i].rules.deadlineUs);
    return leastUs * OVERDUE_SHARE;
  }

  private look({ id, feedback, space }: Path): void {
    const { sessions, core } = this.peer;
    this.times[USUAL] = OVERDUE_FACTOR * (feedback.minUs > 0 ? feedback.minUs : feedback.expectedUs);
    sessions.previous?.spaces[id]?.sent.forEachHeld(core.slots, this.takeOne);
    space?.sent.forEachHeld(core.slots, this.takeOne);
  }

  private take(slot: number): void {
    const { peer, times } = this;
    const { slots, clock } = peer.core;
    if (slots.waiting[slot] !== 0 || clock.nowUs - slots.sentUs[slot] < times[USUAL]) return;
    const execution = peer.sender.executionOf(slot);
    const waitedUs = clock.nowUs - slots.heldSinceUs[slot];
    const leftUs = execution.rules.deadlineUs - waitedUs;
    if (waitedUs < OVERDUE_SHARE * execution.rules.deadlineUs || leftUs < 0) return;
    // Half of the deadline has passed, so the rule for late packets holds for paths that the class avoids.
    const unwanted = (slots.flow[slot] & TCP_FLOW) === 0 ? execution.capped : execution.avoided;
    const path = pickAny(peer.paths, slots, slot, execution, unwanted | slots.carriers[slot], clock);
    if (path === undefined || path.rtt.expectedUs / 2 > leftUs) return;
    peer.sender.transmit(path, slot, FLAG_REPLAY | execution.flags);
    peer.tally.add(REPLAYS_SENT);
    peer.tally.add(RETRANSMISSIONS);
    execution.numbers[FELT_RETRANSMISSIONS]++;
  }
}
