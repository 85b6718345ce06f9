/**
 * Which of several paths a packet of a spilling class takes: docs/decisions/0021 says why so. The one over which it arrives
 * first; a slower one while that has no room, if all that waits would take the faster ones longer than it is slower (ECF:
 * Lim et al., CoNEXT 2017), and sooner for a stream that the faster ones are not enough for.
 */
import { FLAG_ORDERED } from '@corridor/wire';
import {
  SIMILAR_US,
  SPILL_ADDS_LITTLE,
  SPILL_FILLED,
  SPILL_FORGETS,
  SPILL_IMPATIENCE_US,
  SPILL_KEPT_US,
  SPILL_STANDING_US,
  SPILL_TIE_US,
} from './constants.js';
import type { Core } from './core.js';
import { hasRoom } from './lateness.js';
import type { Path } from './path.js';
import type { ClassQueues } from './queueing/index.js';
import { EMPTY_AT_US, type Execution, KEPT_AT_US, PREFER_US, SHORT_AT_US } from './scheduler.js';

export class Spill {
  constructor(
    private readonly core: Core,
    private readonly queues: ClassQueues,
  ) {}

  /** A packet of the class has to wait, and none did before. */
  beginWaiting(execution: Execution): void {
    execution.numbers[EMPTY_AT_US] = this.core.clock.nowUs - this.stoodUs(execution);
  }

  /** The last packet of the class that waited has gone. */
  endWaiting(execution: Execution): void {
    execution.numbers[SHORT_AT_US] = this.core.clock.nowUs;
  }

  /** The path over which a packet would arrive first, room or not; undefined when it fits on none. */
  fastest(execution: Execution, length: number): Path | undefined {
    const { clock } = this.core;
    let fastest: Path | undefined;
    let fastestUs = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (!path.fits(length)) continue;
      const us = path.sendDelayUs + path.congestion.waitUs(clock);
      if (fastest !== undefined && us >= fastestUs - execution.numbers[PREFER_US]) continue;
      fastest = path;
      fastestUs = us;
    }
    return fastest;
  }

  /** The path for a packet, undefined when it has to wait. @param fastest see {@link fastest} */
  pick(slot: number, execution: Execution, length: number, fastest: Path): Path | undefined {
    const { slots, clock } = this.core;
    const isOrdered = (slots.flags[slot] & FLAG_ORDERED) !== 0;
    if (isOrdered && clock.nowUs >= execution.numbers[KEPT_AT_US]) {
      const unused = this.pickUnused(execution, length, fastest);
      if (unused !== undefined) return unused;
    }
    if (isOrdered && execution.numbers[PREFER_US] <= SPILL_TIE_US) {
      const similar = this.pickSimilar(execution, length, fastest);
      if (similar !== undefined) return similar;
    } else if (hasRoom(fastest, execution, length, clock)) return fastest;
    return this.pickSlower(execution, length, fastest, isOrdered);
  }

  /**
   * Of the paths that are about as fast as the fastest the one with the most room: a flow whose order is restored is
   * striped over them from the start, so that all of them are known before it has filled the first.
   */
  private pickSimilar(execution: Execution, length: number, fastest: Path): Path | undefined {
    const { clock } = this.core;
    const mostUs = fastest.sendDelayUs + fastest.congestion.waitUs(clock) + SIMILAR_US;
    let best: Path | undefined;
    let leastFilled = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      const { congestion } = path;
      if (!path.fits(length) || path.sendDelayUs + congestion.waitUs(clock) > mostUs) continue;
      const filled = congestion.inFlightBytes / congestion.windowBytes;
      if (best !== undefined && filled >= leastFilled) continue;
      if (!hasRoom(path, execution, length, clock)) continue;
      best = path;
      leastFilled = filled;
    }
    return best;
  }

  private pickSlower(execution: Execution, length: number, fastest: Path, isOrdered: boolean): Path | undefined {
    const { clock } = this.core;
    let next: Path | undefined;
    let nextUs = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (path === fastest || !path.fits(length)) continue;
      const us = path.sendDelayUs;
      if (next !== undefined && us >= nextUs - execution.numbers[PREFER_US]) continue;
      if (!hasRoom(path, execution, length, clock)) continue;
      next = path;
      nextUs = us;
    }
    if (next === undefined) return undefined;
    const fasterBps = this.fasterBps(execution, next);
    const isFilled = isOrdered && this.fills(execution, next);
    const waiting = this.queues.backlogBytes(execution.index) + length;
    const fastestUs = fastest.sendDelayUs + fastest.congestion.waitUs(clock);
    const laterUs = nextUs - fastestUs - this.impatienceUs(execution, next, fasterBps, isFilled);
    if (laterUs * fasterBps > waiting * 8e6) return undefined;
    if (waiting === length) this.beginWaiting(execution);
    this.endWaiting(execution);
    return next;
  }

  /**
   * A slower path that a stream will need, as it nearly fills the faster ones, and that was not used for a moment. It is
   * kept in use: a round trip that is longer with every packet that goes there, and shorter again, hides from BBR that more
   * arrives when it sends more.
   */
  private pickUnused(execution: Execution, length: number, fastest: Path): Path | undefined {
    const { clock } = this.core;
    execution.numbers[KEPT_AT_US] = clock.nowUs + SPILL_KEPT_US;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      const laterUs = path.sendDelayUs - fastest.sendDelayUs;
      if (laterUs <= SIMILAR_US || clock.nowUs < path.askedUs + SPILL_KEPT_US || !path.fits(length)) continue;
      if (!this.fills(execution, path)) continue;
      const fasterBps = this.fasterBps(execution, path);
      if (laterUs > this.impatienceUs(execution, path, fasterBps, true)) continue;
      if (hasRoom(path, execution, length, clock)) return path;
    }
    return undefined;
  }

  /** Whether the class nearly fills the paths that are no slower than `slower`, by the limit that each of them has shown. */
  private fills(execution: Execution, slower: Path): boolean {
    let bps = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (path !== slower && path.sendDelayUs <= slower.sendDelayUs) bps += path.congestion.limitBps;
    }
    return execution.demand.rateBps > SPILL_FILLED * bps;
  }

  /** What the paths carry together that are no slower than `slower`. */
  private fasterBps(execution: Execution, slower: Path): number {
    let bps = 0;
    for (let i = 0; i < execution.count; i++) {
      const path = execution.paths[i] as Path;
      if (path !== slower && path.sendDelayUs <= slower.sendDelayUs) bps += path.congestion.rateBps;
    }
    return bps;
  }

  /**
   * A queue that stands for long, or a demand that nearly fills the faster paths, shows that they are not enough: a slower
   * one is taken sooner then, if it adds enough to be worth the delay of what has to wait for its packets.
   */
  private impatienceUs(execution: Execution, { congestion }: Path, fasterBps: number, isFilled: boolean): number {
    // It may carry far more than is known until a limit has shown.
    const adds = congestion.isDiscovering ? 1 : congestion.rateBps / fasterBps;
    const worth = Math.max(0, Math.min(1, (adds - SPILL_ADDS_LITTLE) / SPILL_ADDS_LITTLE));
    return worth * (isFilled ? SPILL_IMPATIENCE_US : Math.max(0, this.stoodUs(execution) - SPILL_STANDING_US));
  }

  /**
   * How long the faster paths have not been enough, microseconds, as far as it matters. BBR drains its queue every eight
   * round trips: a moment without one is no reason to do without the slower paths for a while.
   */
  private stoodUs({ index, numbers }: Execution): number {
    const { nowUs } = this.core.clock;
    const most = SPILL_STANDING_US + SPILL_IMPATIENCE_US;
    if (this.queues.backlogPackets(index) > 0) return Math.min(most, nowUs - numbers[EMPTY_AT_US]);
    const stoodUs = Math.min(most, numbers[SHORT_AT_US] - numbers[EMPTY_AT_US]);
    return Math.max(0, stoodUs - SPILL_FORGETS * (nowUs - numbers[SHORT_AT_US]));
  }
}
