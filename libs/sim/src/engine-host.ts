/** Drives one engine on the virtual clock by its contract: mutate, drain, tick no later than the next deadline. */
import {
  ADDRESS_BYTES,
  type AddressRecord,
  DatagramBatch,
  type DatagramOutbox,
  type Engine,
  type EngineEvent,
  PacketBatch,
  type RouteTable,
  type Sink,
} from '@corridor/tunnel';
import type { VirtualClock } from './virtual-clock.js';

/** Where routes of one engine lead. */
export class SimRoutes implements RouteTable {
  private readonly sockets: number[] = [];
  private readonly addresses: (AddressRecord | undefined)[] = [];

  set(route: number, socket: number, address: AddressRecord): void {
    this.sockets[route] = socket;
    this.addresses[route] = address.slice(0, ADDRESS_BYTES);
  }

  delete(route: number): void {
    this.addresses[route] = undefined;
  }

  socketOf(route: number): number {
    return this.sockets[route];
  }

  /** @throws RangeError for a route that the engine never set: a bug of the engine. */
  addressOf(route: number): AddressRecord {
    const address = this.addresses[route];
    if (address === undefined) throw new RangeError(`route ${route} leads nowhere`);
    return address;
  }
}

/** What an engine's output goes to. */
export interface HostOutput {
  /** `bytes` is the host's own copy. */
  datagram(socket: number, to: AddressRecord, bytes: Uint8Array): void;
  /** Valid only during the call. */
  packet(slab: Uint8Array, offset: number, length: number): void;
  event(event: EngineEvent): void;
}

/** An engine that wants to be woken again and again at the same instant never lets time go on. */
const MAX_TICKS_AT_ONE_INSTANT = 1_000;

/** Packets handed in with one call, as a TUN read with segmentation offload gives them. */
const MOST_AT_ONCE = 44;

export class EngineHost<E extends Engine> implements Sink {
  private readonly incoming = new DatagramBatch(1, new Uint8Array(0));
  private readonly outgoing = new PacketBatch(MOST_AT_ONCE);
  private wakeAtUs = Number.POSITIVE_INFINITY;
  private lastTickUs = -1;
  private ticksAtInstant = 0;
  private stopped = false;
  /** Packets that wait in the TUN device since this instant; their flows one after another. */
  private waiting = 0;
  private flow = 0;

  constructor(
    private readonly clock: VirtualClock,
    readonly engine: E,
    private readonly routes: SimRoutes,
    private readonly output: HostOutput,
  ) {}

  /** Runs one mutation of the engine at the present time and hands out what comes of it. */
  mutate(mutation: (engine: E, nowUs: number) => void): void {
    if (this.stopped) return;
    mutation(this.engine, this.clock.nowUs);
    this.engine.drain(this);
    this.arm();
  }

  /** A datagram arrived on `socket`. */
  receive(socket: number, from: AddressRecord, bytes: Uint8Array): void {
    const { incoming } = this;
    incoming.bytes = bytes;
    incoming.count = 1;
    incoming.offset[0] = 0;
    incoming.length[0] = bytes.length;
    incoming.socket[0] = socket;
    incoming.receivedAtUs[0] = this.clock.nowUs;
    incoming.address.set(from);
    this.mutate((engine, nowUs) => engine.receiveDatagrams(incoming, nowUs));
  }

  /** Sends one inner packet; `write` fills it in at the given place and answers its length. */
  send(write: (slab: Uint8Array, offset: number) => number): void {
    this.sendMany(1, (_, slab, offset) => write(slab, offset));
  }

  /**
   * Sends `count` inner packets of one flow; `write` fills in the one of that index and answers its length. They wait in the
   * TUN device until the host reads it, which is at the same instant: one read takes all that have come by then.
   */
  sendMany(count: number, write: (index: number, slab: Uint8Array, offset: number) => number): void {
    const { outgoing } = this;
    this.flow = (this.flow + 1) & 0xffff;
    for (let sent = 0; sent < count && !this.stopped; sent++) {
      if (this.waiting === 0) {
        outgoing.count = this.engine.lendSlots(outgoing);
        this.clock.schedule(this.clock.nowUs, () => this.read());
      }
      const at = this.waiting++;
      outgoing.length[at] = write(sent, this.engine.sendSlab, outgoing.offset[at]);
      outgoing.group[at] = count > 1 ? 1 + this.flow : 0;
      if (this.waiting === outgoing.count) this.read();
    }
  }

  /** Reads the TUN device. */
  private read(): void {
    if (this.waiting === 0) return;
    this.outgoing.count = this.waiting;
    this.waiting = 0;
    this.mutate((engine, nowUs) => engine.sendPackets(this.outgoing, nowUs));
  }

  /** The process is killed: nothing goes in or comes out any more. */
  stop(): void {
    this.stopped = true;
  }

  datagrams(outbox: DatagramOutbox): void {
    for (let i = 0; i < outbox.count; i++) {
      const start = outbox.offset[i];
      const route = outbox.route[i];
      const bytes = outbox.bytes.slice(start, start + outbox.length[i]);
      this.output.datagram(this.routes.socketOf(route), this.routes.addressOf(route), bytes);
    }
  }

  packets(batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      this.output.packet(this.engine.receiveSlab, batch.offset[i], batch.length[i]);
    }
  }

  event(event: EngineEvent): void {
    this.output.event(event);
  }

  private arm(): void {
    const deadlineUs = this.engine.nextDeadlineUs();
    if (deadlineUs >= this.wakeAtUs || deadlineUs === Number.POSITIVE_INFINITY) return;
    this.wakeAtUs = deadlineUs;
    this.clock.schedule(deadlineUs, () => this.wake(deadlineUs));
  }

  /** Wake-ups that a sooner one has overtaken do nothing. */
  private wake(atUs: number): void {
    if (this.stopped || atUs !== this.wakeAtUs) return;
    this.wakeAtUs = Number.POSITIVE_INFINITY;
    const { nowUs } = this.clock;
    this.ticksAtInstant = nowUs === this.lastTickUs ? this.ticksAtInstant + 1 : 0;
    this.lastTickUs = nowUs;
    if (this.ticksAtInstant > MAX_TICKS_AT_ONE_INSTANT) throw new Error(`the engine's deadline stays at ${atUs} us`);
    this.mutate((engine) => engine.tick(nowUs));
  }
}
