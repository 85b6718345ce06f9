/**
 * One end of the lab's TCP streams, in a process in its host's namespace. Both ends hash what they sent or got; a stream's bytes never repeat, and no other stream has them, so that a lost, doubled or swapped piece changes the hash.
 */
import { createHash, type Hash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { Random } from '@corridor/sim';

export interface TcpRecord {
  readonly flow: number;
  readonly role: 'sender' | 'receiver';
  readonly bytes: number;
  /** Hex; empty until the stream has ended. */
  readonly sha256: string;
  readonly ended: boolean;
  /** Why the stream broke, empty when it did not. */
  readonly error: string;
  /** First and last bytes (receiver: got, sender: handed to the stack), CLOCK_MONOTONIC us. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** Longest time without bytes between the first and the last. */
  readonly longestGapUs: number;
  readonly longestGapAtUs: number;
}

/** What the connecting end asks for, one JSON line. */
interface Order {
  readonly flow: number;
  /** Who sends: the end that connects or the end that listens. */
  readonly sender: 'connecting' | 'listening';
  /** Bytes to send; null: until stopped. */
  readonly bytes: number | null;
}

export interface OpenStream extends Order {
  readonly address: string;
  readonly port: number;
}

const CHUNK_BYTES = 65_536;
const BLOCK_CHUNKS = 16;

function clockUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

class Stream {
  bytes = 0;
  error = '';
  sha256 = '';
  ended = false;
  stopping = false;
  private firstUs = 0;
  private lastUs = 0;
  private longestGapUs = 0;
  private longestGapAtUs = 0;
  private readonly hash: Hash = createHash('sha256');
  private readonly whenEnded: (() => void)[] = [];

  constructor(
    readonly flow: number,
    readonly role: 'sender' | 'receiver',
  ) {}

  count(chunk: Uint8Array): void {
    const now = clockUs();
    if (this.bytes === 0) this.firstUs = now;
    else if (now - this.lastUs > this.longestGapUs) {
      this.longestGapUs = now - this.lastUs;
      this.longestGapAtUs = this.lastUs;
    }
    this.lastUs = now;
    this.bytes += chunk.length;
    this.hash.update(chunk);
  }

  end(error = ''): void {
    if (this.ended) return;
    this.ended = true;
    this.error = error;
    this.sha256 = this.hash.digest('hex');
    for (const tell of this.whenEnded) tell();
  }

  async untilEnded(): Promise<TcpRecord> {
    if (!this.ended) await new Promise<void>((resolve) => this.whenEnded.push(resolve));
    return this.record();
  }

  record(): TcpRecord {
    const { flow, role, bytes, sha256, ended, error, firstUs, lastUs, longestGapUs, longestGapAtUs } = this;
    return { flow, role, bytes, sha256, ended, error, firstUs, lastUs, longestGapUs, longestGapAtUs };
  }
}

const streams = new Map<number, Stream>();
const arrivals = new Map<number, ((stream: Stream) => void)[]>();
const block = new Random(0x7c9).bytes(CHUNK_BYTES * BLOCK_CHUNKS);

function register(flow: number, role: 'sender' | 'receiver'): Stream {
  const stream = new Stream(flow, role);
  streams.set(flow, stream);
  for (const tell of arrivals.get(flow) ?? []) tell(stream);
  arrivals.delete(flow);
  return stream;
}

/** The stream of a flow, as soon as its connection stands at this end. */
function streamOf(flow: number): Promise<Stream> {
  const stream = streams.get(flow);
  if (stream !== undefined) return Promise.resolve(stream);
  return new Promise((resolve) => arrivals.set(flow, [...(arrivals.get(flow) ?? []), resolve]));
}

function sendOn(socket: Socket, order: Order): void {
  const stream = register(order.flow, 'sender');
  socket.on('error', (error) => stream.end(error.message));
  socket.resume();
  let number = 0;
  const next = () => {
    for (;;) {
      const left = order.bytes === null ? CHUNK_BYTES : order.bytes - stream.bytes;
      if (stream.ended) return;
      if (left <= 0 || stream.stopping) {
        stream.end();
        socket.end();
        return;
      }
      const start = (number % BLOCK_CHUNKS) * CHUNK_BYTES;
      const chunk = Buffer.from(block.subarray(start, start + Math.min(left, CHUNK_BYTES)));
      if (chunk.length >= 8) {
        chunk.writeUInt32LE(number, 0);
        chunk.writeUInt32LE(order.flow, 4);
      }
      number++;
      stream.count(chunk);
      if (!socket.write(chunk)) break;
    }
    socket.once('drain', next);
  };
  next();
}

function receiveOn(socket: Socket, flow: number): void {
  const stream = register(flow, 'receiver');
  socket.on('data', (chunk: Buffer) => stream.count(chunk));
  socket.on('error', (error) => stream.end(error.message));
  socket.on('end', () => {
    stream.end();
    socket.end();
  });
}

/** Reads the order line, then plays the listening end's part. */
function accept(socket: Socket): void {
  let head = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(10);
    if (end < 0) return;
    socket.off('data', read);
    socket.pause();
    const order = JSON.parse(head.toString('utf8', 0, end)) as Order;
    if (end + 1 < head.length) socket.unshift(head.subarray(end + 1));
    if (order.sender === 'listening') sendOn(socket, order);
    else receiveOn(socket, order.flow);
    socket.resume();
  };
  socket.on('data', read);
  socket.on('error', () => {});
}

export const streamMethods = {
  /** Listens on `port`, both IP versions. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      createServer(accept)
        .once('error', reject)
        .listen(port, '::', () => resolve());
    });
  },

  /** Connects and starts a stream; resolves when the connection stands. */
  open({ address, port, ...order }: OpenStream): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, address);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        socket.write(`${JSON.stringify(order)}\n`);
        if (order.sender === 'connecting') sendOn(socket, order);
        else receiveOn(socket, order.flow);
        resolve();
      });
    });
  },

  /** Ends the sending of a stream after what is under way; for the sending end. */
  stop(flow: number): void {
    const stream = streams.get(flow);
    if (stream !== undefined) stream.stopping = true;
  },

  records(): TcpRecord[] {
    return [...streams.values()].map((stream) => stream.record());
  },

  async ended(flow: number): Promise<TcpRecord> {
    return (await streamOf(flow)).untilEnded();
  },
};
