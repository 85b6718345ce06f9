/**
 * The loop that vehicle and gateway share: packets from the TUN device into the engine, datagrams from the network into
 * the engine, and after each step whatever the engine hands out to network and TUN. Nothing is allocated per batch.
 */
import {
  type DatagramSender,
  DeadlineTimer,
  nowUs,
  type ReceiveBatch,
  receiveBatch,
  type TunDevice,
  type UdpSocket,
} from '@corridor/packet-io';
import { type DatagramOutbox, type Engine, type EngineEvent, PacketBatch, type Sink } from '@corridor/tunnel';
import type { StreamSockets } from './fallback/stream-sockets.js';

/** Packets read from the TUN device at once. */
const PACKETS_PER_READ = 256;
/** Datagrams taken from a socket at once: the arena's 2 MB in full-sized packets, and a little more. */
const DATAGRAMS_PER_RECEIVE = 2048;
/** A receive fills at most this many buffers of the arena: fewer datagrams mean that the kernel has no more. */
const ARENA_BUFFERS = 32;
/**
 * Batches that one readiness callback may move before the other descriptors get their turn. libuv calls again at once
 * when there is more.
 */
const BATCHES_PER_TURN = 4;

/** Counters of the loop, in this order, in an array that other threads may read. */
export const LOOP_COUNTERS = [
  'tunBatches', // batches read from the TUN device
  'tunPackets',
  'udpBatches', // batches received from the network
  'udpDatagrams',
  'ticks', // deadlines that fired
  'sentDatagrams', // taken by the kernel
  'unsentDatagrams', // refused by the kernel: queue full, device gone
  'writtenPackets', // taken by the TUN device
  'unwrittenPackets', // refused by the TUN device
] as const;

const TUN_BATCHES = 0;
const TUN_PACKETS = 1;
const UDP_BATCHES = 2;
const UDP_DATAGRAMS = 3;
const TICKS = 4;
const SENT = 5;
const UNSENT = 6;
const WRITTEN = 7;
const UNWRITTEN = 8;

/** A socket of the loop and the number under which the engine knows it. */
interface LoopSocket {
  readonly socket: UdpSocket;
  readonly virtualId: number;
}

export class TunnelLoop implements Sink {
  /** See {@link LOOP_COUNTERS}. */
  readonly counters = new Float64Array(new SharedArrayBuffer(LOOP_COUNTERS.length * 8));
  readonly #engine: Engine;
  readonly #tun: TunDevice;
  readonly #sender: DatagramSender;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #onGone: () => void;
  readonly #timer: DeadlineTimer;
  readonly #packets = new PacketBatch(PACKETS_PER_READ);
  readonly #sockets: LoopSocket[] = [];
  readonly #datagrams: ReceiveBatch = receiveBatch(DATAGRAMS_PER_RECEIVE);
  #streams: StreamSockets | undefined;
  /** [0]: deadline that the timer is armed for; Infinity when it is not. An array, or the double would be boxed. */
  readonly #armed = new Float64Array([Number.POSITIVE_INFINITY]);

  /** @param onGone called once when somebody deletes the TUN device. */
  constructor(
    engine: Engine,
    tun: TunDevice,
    sender: DatagramSender,
    onEvent: (event: EngineEvent) => void,
    onGone: () => void,
  ) {
    this.#engine = engine;
    this.#tun = tun;
    this.#sender = sender;
    this.#onEvent = onEvent;
    this.#onGone = onGone;
    this.#timer = new DeadlineTimer(() => this.#tick());
    tun.onReadable = () => this.#readTun();
  }

  /** Lets packets move. */
  start(): void {
    this.#tun.start();
    this.settle();
  }

  /** Takes a socket into the loop. `virtualId` is the number under which the engine knows it. */
  addSocket(socket: UdpSocket, virtualId: number): void {
    const entry: LoopSocket = { socket, virtualId };
    this.#sockets.push(entry);
    socket.onReadable = () => this.#readable(entry);
    this.#sender.attach(socket);
    socket.start();
  }

  /** Closes a socket of the loop. */
  removeSocket(socket: UdpSocket): void {
    this.#sockets.splice(
      this.#sockets.findIndex((entry) => entry.socket === socket),
      1,
    );
    socket.stop();
    this.#sender.detach(socket.id);
    socket.close();
  }

  /** Takes the streams into the loop. */
  addStreams(streams: StreamSockets): void {
    this.#streams = streams;
  }

  /** Gives the engine datagrams that came over a stream. */
  receive(batch: ReceiveBatch): void {
    this.#engine.receiveDatagrams(batch, nowUs());
    this.settle();
  }

  /** Drains the engine after a mutation made outside the loop, and re-arms the timer. */
  settle(): void {
    this.#engine.drain(this);
    this.#arm();
  }

  stop(): void {
    this.#tun.stop();
    this.#timer.close();
  }

  datagrams(outbox: DatagramOutbox): void {
    let sent = this.#sender.send(outbox);
    if (this.#streams?.inUse) sent += this.#streams.send(outbox);
    this.counters[SENT] += sent;
    this.counters[UNSENT] += outbox.count - sent;
  }

  packets(batch: PacketBatch): void {
    const written = this.#tun.write(this.#engine.receiveSlab, batch);
    this.counters[WRITTEN] += written;
    this.counters[UNWRITTEN] += batch.count - written;
  }

  event(event: EngineEvent): void {
    this.#onEvent(event);
  }

  #readTun(): void {
    const batch = this.#packets;
    for (let turn = 0; turn < BATCHES_PER_TURN; turn++) {
      const lent = this.#engine.lendSlots(batch);
      const count = this.#tun.read(this.#engine.sendSlab, batch, lent);
      if (count === 0) {
        if (!this.#tun.gone) break;
        this.#onGone();
        return;
      }
      this.counters[TUN_BATCHES]++;
      this.counters[TUN_PACKETS] += count;
      this.#engine.sendPackets(batch, nowUs());
      this.#engine.drain(this);
      if (count < lent) break;
    }
    this.#arm();
  }

  #readable(entry: LoopSocket): void {
    this.#take(entry);
    this.#arm();
  }

  #take({ socket, virtualId }: LoopSocket): void {
    const batch = this.#datagrams;
    for (let turn = 0; turn < BATCHES_PER_TURN || batch.restOf !== undefined; turn++) {
      const count = socket.receive(batch);
      if (count === 0) break;
      this.counters[UDP_BATCHES]++;
      this.counters[UDP_DATAGRAMS] += count;
      for (let i = 0; i < count; i++) batch.socket[i] = virtualId;
      this.#engine.receiveDatagrams(batch, nowUs());
      this.#engine.drain(this);
      if (count < ARENA_BUFFERS) break;
    }
  }

  #tick(): void {
    this.#armed[0] = Number.POSITIVE_INFINITY;
    this.counters[TICKS]++;
    // What waits in the sockets has arrived before the deadline passed for us: after a stall of this process, timers
    // must not take acknowledgements for missing that nobody has read yet.
    for (let i = 0; i < this.#sockets.length; i++) this.#take(this.#sockets[i]);
    this.#streams?.takeWaiting();
    this.#engine.tick(nowUs());
    this.#engine.drain(this);
    this.#arm();
  }

  /**
   * Arms the timer only when the engine wants to be woken earlier than it will be: with traffic the deadline moves with
   * every batch, and a timer that fires too early costs one empty tick instead of a system call a batch.
   */
  #arm(): void {
    const deadline = this.#engine.nextDeadlineUs();
    if (deadline >= this.#armed[0]) return;
    this.#armed[0] = deadline;
    this.#timer.arm(deadline);
  }
}
