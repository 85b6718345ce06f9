/**
 * What stands in the queue of a path that carries next to nothing any more holds up all that follows it in its flow. It goes
 * over another path, too, where it arrives far sooner: opportunistic retransmission, as in Raiciu et al., NSDI 2012. Only
 * packets whose order is restored, once each: others hold up nobody. The path answers, and stays as it is.
 */
import { FLAG_ORDERED } from '@corridor/wire';
import { STUCK_CHECK_US, STUCK_FACTOR, STUCK_LEAST_US, STUCK_QUEUE_US } from './constants.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { type Execution, SPILL } from './scheduler.js';

export class Stuck {
  /** When paths are looked at next, microseconds. */
  private readonly times = new Float64Array([Number.NEGATIVE_INFINITY]);
  /** The paths that bring far sooner what is stuck on the one that is looked at, one bit each, see `Path.bit`. */
  private sooner = 0;
  private readonly takeOne = (slot: number): void => this.take(slot);

  constructor(private readonly peer: Peer) {}

  /** Looks at every path that answers. */
  service(nowUs: number): void {
    const { paths } = this.peer;
    if (nowUs < this.times[0] || paths.length < 2) return;
    this.times[0] = nowUs + STUCK_CHECK_US;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (path.state === 'up' && path.usable && path.congestion.isElastic && this.isStuck(path)) this.free(path);
    }
  }

  /** Whether what is on its way on a path takes far longer to arrive than it would over another one. */
  private isStuck({ congestion, bit }: Path): boolean {
    const { paths } = this.peer;
    const bits = congestion.inFlightBytes * 8e6;
    const stuckUs = bits / congestion.rateBps;
    if (stuckUs < STUCK_LEAST_US || congestion.queueUs < STUCK_QUEUE_US || congestion.isDiscovering) return false;
    this.sooner = 0;
    for (let i = 0; i < paths.length; i++) {
      const other = paths[i];
      if (other.bit === bit || other.state !== 'up' || !other.usable) continue;
      const otherUs = other.rtt.expectedUs + (bits + other.congestion.inFlightBytes * 8e6) / other.congestion.limitBps;
      if (stuckUs > STUCK_LEAST_US + STUCK_FACTOR * otherUs) this.sooner |= other.bit;
    }
    return this.sooner !== 0;
  }

  private free(path: Path): void {
    const { current, previous } = this.peer.sessions;
    const { slots } = this.peer.core;
    this.peer.sender.begin(path);
    previous?.spaces[path.id]?.sent.forEachHeld(slots, this.takeOne);
    current?.spaces[path.id]?.sent.forEachHeld(slots, this.takeOne);
  }

  private take(slot: number): void {
    const { sender, core } = this.peer;
    const execution = sender.executionOf(slot);
    if ((core.slots.flags[slot] & FLAG_ORDERED) === 0 || execution.mode !== SPILL) return;
    if (this.maySpill(execution)) sender.choose(slot);
  }

  /** Whether a class uses one of the paths that are sooner: otherwise its packets would only go where they are stuck again. */
  private maySpill({ paths, count }: Execution): boolean {
    for (let i = 0; i < count; i++) if (((paths[i] as Path).bit & this.sooner) !== 0) return true;
    return false;
  }
}
