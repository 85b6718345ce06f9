/** What all peers of one engine share. */
import type { StrategyFactory } from '@corridor/strategy';
import { AckFrame } from '@corridor/wire';
import type { AddressRecord } from './batch.js';
import { Clock, Earliest } from './clock.js';
import { AckReport } from './congestion/index.js';
import { DEFAULT_SEND_SLOTS, PATIENT_TARGET_US } from './constants.js';
import type { EngineOptions } from './engine.js';
import { EpochTable } from './epochs.js';
import type { EngineEvent } from './events.js';
import { Outgoing } from './outgoing.js';
import { NO_ROUTE } from './path.js';
import type { EnginePrimitives, RouteTable } from './primitives.js';
import { QueuePool } from './queueing/index.js';
import { type Gf256, plainGf256, REPAIR_MEMORY_BYTES, RepairMemory } from './repair/index.js';
import { SendSlots } from './send-slots.js';
import { AckOutcome } from './sent-log.js';

/** Gives out route numbers, small and used again: but only after a drain, as datagrams may still wait to go there. */
export class Routes {
  private readonly free: number[] = [];
  private closing: number[] = [];
  private next = 0;

  constructor(private readonly table: RouteTable) {}

  /** A number that leads to `address` through `socket`. */
  open(socket: number, address: AddressRecord): number {
    const route = this.free.pop() ?? this.next++;
    this.table.set(route, socket, address);
    return route;
  }

  change(route: number, socket: number, address: AddressRecord): void {
    this.table.set(route, socket, address);
  }

  close(route: number): void {
    if (route !== NO_ROUTE) this.closing.push(route);
  }

  /** Everything has been sent. */
  drained(): void {
    if (this.closing.length === 0) return;
    for (const route of this.closing) this.table.delete(route);
    this.free.push(...this.closing);
    this.closing = [];
  }
}

/** What is worked out and used within one call: one place serves all peers. */
class Scratch {
  readonly ackFrame = new AckFrame();
  readonly ackOutcome = new AckOutcome();
  readonly ackReport = new AckReport();
  /** Times found and handed on without boxing: see {@link Earliest}. */
  readonly deadline = new Earliest();
  readonly tail = new Earliest();
  readonly silent = new Earliest();
  readonly due = new Earliest();
}

export class Core {
  readonly scratch = new Scratch();
  readonly clock = new Clock();
  readonly primitives: EnginePrimitives;
  readonly strategies: readonly StrategyFactory[];
  readonly slots: SendSlots;
  readonly queuePool: QueuePool;
  readonly gf256: Gf256;
  readonly repairMemory = new RepairMemory(REPAIR_MEMORY_BYTES);
  readonly outgoing: Outgoing;
  readonly epochs: EpochTable;
  readonly routes: Routes;
  /** Largest inner packet, bytes. */
  readonly mtu: number;
  /** Waiting for the next drain. */
  events: EngineEvent[] = [];
  /** Keys to forget once the datagrams that wait have been sealed. */
  private retiredKeys: number[] = [];

  constructor(options: EngineOptions) {
    const { primitives } = options;
    const slots = options.sendSlots ?? DEFAULT_SEND_SLOTS;
    if (!(slots >= 2) || (slots & (slots - 1)) !== 0)
      throw new RangeError(`sendSlots: expected a power of two, got ${slots}`);
    this.primitives = primitives;
    this.strategies = options.strategies;
    this.mtu = options.mtu;
    this.slots = new SendSlots(slots);
    this.queuePool = new QueuePool(this.slots, PATIENT_TARGET_US);
    this.gf256 = primitives.gf256 ?? plainGf256;
    this.outgoing = new Outgoing(primitives.aead, this.slots.slab);
    this.epochs = new EpochTable(primitives.random);
    this.routes = new Routes(primitives.routes);
  }

  retireKey(key: number): void {
    this.retiredKeys.push(key);
  }

  /** Everything that waited has been sealed and sent. */
  drained(): void {
    this.routes.drained();
    if (this.retiredKeys.length === 0) return;
    for (const key of this.retiredKeys) this.primitives.aead.dropKey(key);
    this.retiredKeys = [];
  }

  emit(event: EngineEvent): void {
    this.events.push(event);
  }

  /** A number drawn evenly from [from, to). */
  drawBetween(from: number, to: number): number {
    const bytes = this.primitives.random(4);
    const share = (bytes[0] + bytes[1] * 0x100 + bytes[2] * 0x1_0000 + bytes[3] * 0x100_0000) / 0x1_0000_0000;
    return from + share * (to - from);
  }
}
