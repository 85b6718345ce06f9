/**
 * Which of a peer's flows has the most bytes waiting: it pays when the limit is reached (RFC 8290 section 4.1). Looking at
 * every flow for each packet too many would cost most when there are many; so this keeps the longest one and a bound for
 * all others, and looks at all again only when another may be longer by a quantum, the grain of fairness here.
 */
import type { ClassTable } from './class-table.js';
import { NO_FLOW, type QueuePool } from './queue-pool.js';
import { LISTS, QUANTUM_BYTES, type RoundRobin } from './round-robin.js';

const ANY_BYTES = 0x3fff_ffff;

export class LongestFlow {
  private flow = NO_FLOW;
  /** No other flow of a class that is not urgent has more bytes. */
  private ceiling = 0;

  constructor(
    private readonly pool: QueuePool,
    private readonly table: ClassTable,
    private readonly robin: RoundRobin,
  ) {}

  /** A flow of a class that is not urgent has grown. */
  note(flow: number): void {
    if (flow === this.flow) return;
    const bytes = this.pool.bytes[flow];
    const most = this.bytesOfLongest();
    if (bytes > most) {
      if (most > this.ceiling) this.ceiling = most;
      this.flow = flow;
    } else if (bytes > this.ceiling) this.ceiling = bytes;
  }

  /** Flows have come that were not noted. */
  forget(): void {
    this.flow = NO_FLOW;
    this.ceiling = ANY_BYTES;
  }

  /** A flow that none exceeds by a quantum; an urgent one only when nothing else waits, NO_FLOW when nothing at all does. */
  find(): number {
    const most = this.bytesOfLongest();
    if (most === 0 || most + QUANTUM_BYTES <= this.ceiling) this.lookAt(this.table.urgentCount, this.table.count);
    if (this.flow === NO_FLOW) this.lookAt(0, this.table.urgentCount);
    return this.flow;
  }

  /** What is remembered may be closed meanwhile, or open again for somebody else. */
  private bytesOfLongest(): number {
    const { flow, robin, table } = this;
    return robin.owns(flow) && !table.isUrgent(robin.classOf(flow)) ? this.pool.bytes[flow] : 0;
  }

  /** Finds the longest and the second longest flow of the classes of these ranks. */
  private lookAt(from: number, to: number): void {
    const { table, robin } = this;
    const { bytes, after } = this.pool;
    this.flow = NO_FLOW;
    this.ceiling = 0;
    let most = 0;
    for (let rank = from; rank < to; rank++) {
      const index = table.classAt(rank);
      if (table.packets(index) === 0) continue;
      for (let list = 0; list < LISTS; list++) {
        for (let flow = robin.firstOf(index, list); flow !== NO_FLOW; flow = after[flow]) {
          if (bytes[flow] > most) {
            this.ceiling = most;
            most = bytes[flow];
            this.flow = flow;
          } else if (bytes[flow] > this.ceiling) this.ceiling = bytes[flow];
        }
      }
    }
  }
}
