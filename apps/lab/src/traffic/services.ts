/** Small servers and clients in a host of the lab: a UDP echo, and a file over HTTP. */
import { createHash } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer } from 'node:http';
import { Random } from '@corridor/sim';

export interface EchoOrder {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Payload bytes of each datagram to send. */
  readonly sizes: readonly number[];
}

export interface EchoResult {
  readonly sent: number;
  /** Came back exactly as they went. */
  readonly returned: number;
  /** Came back changed: sizes. */
  readonly changed: readonly number[];
  /** Sizes that never came back, although sent {@link ECHO_TRIES} times. */
  readonly missing: readonly number[];
}

const ECHO_TRIES = 3;
const ECHO_WAIT_MS = 1500;
/** Datagrams under way at once, so that no queue on the way overflows. */
const ECHO_WINDOW = 16;

export const serviceMethods = {
  /** Sends every datagram back to where it came from. */
  echoServer(port: number): Promise<void> {
    // Each family its own socket: one for both would answer IPv4 from a mapped address.
    const families = [
      { type: 'udp4', address: '0.0.0.0' },
      { type: 'udp6', address: '::' },
    ] as const;
    const bound = families.map(({ type, address }) => {
      const socket = createSocket({
        type,
        ipv6Only: type === 'udp6',
        recvBufferSize: 1 << 20,
        sendBufferSize: 1 << 20,
      });
      socket.on('message', (message: Buffer, from: RemoteInfo) => socket.send(message, from.port, from.address));
      return new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, address, () => resolve());
      });
    });
    return Promise.all(bound).then(() => undefined);
  },

  /** Sends a datagram of each size to an echo server and compares what comes back. */
  async echo({ family, address, port, sizes }: EchoOrder): Promise<EchoResult> {
    const type = family === 4 ? 'udp4' : 'udp6';
    const socket = createSocket({ type, recvBufferSize: 1 << 20, sendBufferSize: 1 << 20 });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, () => resolve());
    });
    const random = new Random(7);
    const waiting = new Map<number, (reply: Buffer) => void>();
    socket.on('message', (reply: Buffer) => waiting.get(reply.length)?.(reply));
    const changed: number[] = [];
    const missing: number[] = [];
    let sent = 0;

    const tryOnce = (payload: Uint8Array) =>
      new Promise<Buffer | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), ECHO_WAIT_MS);
        waiting.set(payload.length, (reply) => {
          clearTimeout(timer);
          resolve(reply);
        });
        sent++;
        socket.send(payload, port, address);
      });
    const echoSize = async (size: number) => {
      const payload = random.bytes(size);
      for (let attempt = 0; attempt < ECHO_TRIES; attempt++) {
        const reply = await tryOnce(payload);
        if (reply === undefined) continue;
        if (!reply.equals(payload)) changed.push(size);
        waiting.delete(size);
        return;
      }
      waiting.delete(size);
      missing.push(size);
    };

    const queue = [...sizes];
    const lane = async () => {
      for (let size = queue.shift(); size !== undefined; size = queue.shift()) await echoSize(size);
    };
    await Promise.all(Array.from({ length: ECHO_WINDOW }, lane));
    socket.close();
    return { sent, returned: sizes.length - missing.length - changed.length, changed, missing };
  },

  /** Serves `bytes` bytes over HTTP on both IP versions; answers their hash. */
  serveFile(port: number, bytes: number): Promise<string> {
    const file = Buffer.from(new Random(11).bytes(bytes));
    const server = createServer((_, response) => response.end(file));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '::', () => resolve(createHash('sha256').update(file).digest('hex')));
    });
  },
};
