import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Credentials } from '@corridor/contracts';
import { Log } from '@corridor/tunnel-host';
import { afterEach, describe, expect, test } from 'vitest';
import { ControlClient } from './control-client.js';

/** The edge of a broker, as bytes of MQTT 3.1.1: what it answers to CONNECT and to each PUBLISH is the test's choice. */
interface Edge {
  readonly url: string;
  readonly sockets: Socket[];
  /** CONNECT packets as latin1 text. */
  readonly connects: string[];
  connack: number | undefined;
  puback: boolean;
}

const [CONNECT, PUBLISH, SUBSCRIBE, PINGREQ] = [1, 3, 8, 12];
const DEVICE = '01a20792-6c57-7268-ad63-934cb5284d25';

let server: Server | undefined;
let client: ControlClient | undefined;

afterEach(async () => {
  await client?.close();
  server?.close();
});

async function edge(): Promise<Edge> {
  const sockets: Socket[] = [];
  const it: Edge = { url: '', sockets, connects: [], connack: 0, puback: true };
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let packet = take(rest); packet !== undefined; packet = take(rest)) {
        rest = rest.subarray(packet.bytes.length);
        answer(it, socket, packet);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(it, { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

interface Packet {
  readonly type: number;
  readonly bytes: Buffer;
  readonly body: Buffer;
}

/** The first whole packet of a buffer (MQTT 3.1.1, section 2.2.3: the length in 7-bit groups). */
function take(buffer: Buffer): Packet | undefined {
  let [length, at] = [0, 1];
  for (; at < buffer.length; at++) {
    length += (buffer[at]! & 127) * 128 ** (at - 1);
    if (buffer[at]! < 128) break;
  }
  const end = at + 1 + length;
  if (buffer.length < 2 || end > buffer.length) return undefined;
  return { type: buffer[0]! >> 4, bytes: buffer.subarray(0, end), body: buffer.subarray(at + 1, end) };
}

function answer(edge: Edge, socket: Socket, { type, body }: Packet): void {
  if (type === CONNECT) {
    edge.connects.push(body.toString('latin1'));
    if (edge.connack !== undefined) socket.write(Buffer.from([0x20, 2, 0, edge.connack]));
  } else if (type === SUBSCRIBE) {
    socket.write(Buffer.from([0x90, 5, body[0]!, body[1]!, 1, 1, 1]));
  } else if (type === PINGREQ) {
    socket.write(Buffer.from([0xd0, 0]));
  } else if (type === PUBLISH && edge.puback) {
    const id = 2 + body.readUInt16BE(0);
    socket.write(Buffer.from([0x40, 2, body[id]!, body[id + 1]!]));
  }
}

function start(edge: Edge, token = () => 'first.token.x') {
  const seen = { connected: 0, refused: 0, messages: [] as string[] };
  client = new ControlClient(
    {
      credentials: () =>
        ({
          deviceId: DEVICE,
          accessToken: token(),
          mqtt: { urls: [edge.url], clientId: DEVICE, username: DEVICE, password: null },
        }) as unknown as Credentials,
      will: () => '{"gone":true}',
      connected: () => seen.connected++,
      disconnected: () => {},
      message: (leaf, text) => seen.messages.push(`${leaf} ${text}`),
      refused: () => seen.refused++,
    },
    new Log('error', false, () => {}),
  );
  client.start();
  return seen;
}

/** A PUBLISH, QoS 0, to the device. */
function publish(topic: string, text: string): Buffer {
  const head = Buffer.from([0, topic.length]);
  const body = Buffer.concat([head, Buffer.from(topic), Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

describe('the control connection', () => {
  test('names the device, carries the token and leaves a will', async () => {
    const broker = await edge();
    const seen = start(broker);
    await expect.poll(() => seen.connected).toBe(1);
    const [connect] = broker.connects;
    expect(connect).toContain(DEVICE);
    expect(connect).toContain('first.token.x');
    expect(connect).toContain(`corridor/v1/${DEVICE}/status`);
    expect(connect).toContain('{"gone":true}');
    await client?.publish('policy/request', '{}');
  });

  test('hears its own topics and nobody else’s', async () => {
    const broker = await edge();
    const seen = start(broker);
    await expect.poll(() => seen.connected).toBe(1);
    const [socket] = broker.sockets;
    socket?.write(publish(`corridor/v1/${DEVICE.replace('01a', '02b')}/policy`, 'foreign'));
    socket?.write(publish(`corridor/v1/${DEVICE}/status`, 'not mine to hear'));
    socket?.write(publish(`corridor/v1/${DEVICE}/policy`, 'mine'));
    await expect.poll(() => seen.messages).toEqual(['policy mine']);
  });

  test.each([4, 5])('asks for fresh credentials when the broker answers %i, and comes back with them', async (code) => {
    const broker = await edge();
    broker.connack = code;
    let token = 'old.token.x';
    const seen = start(broker, () => token);
    await expect.poll(() => seen.refused).toBeGreaterThan(0);
    expect(seen.connected).toBe(0);
    [broker.connack, token] = [0, 'new.token.x'];
    await expect.poll(() => seen.connected, { timeout: 10_000 }).toBe(1);
    expect(broker.connects.at(-1)).toContain('new.token.x');
  });

  test('comes back when it is cut, again and again', async () => {
    const broker = await edge();
    const seen = start(broker);
    for (let round = 1; round <= 3; round++) {
      await expect.poll(() => seen.connected, { timeout: 10_000 }).toBe(round);
      broker.sockets.at(-1)?.destroy();
    }
  });

  test('is made anew when the tunnel is back and the broker does not answer a ping', async () => {
    const broker = await edge();
    const seen = start(broker);
    await expect.poll(() => seen.connected).toBe(1);
    // The other end is gone without a word: what we send is taken by nobody.
    broker.sockets[0]?.removeAllListeners('data').resume();
    client?.nudge();
    await expect.poll(() => seen.connected, { timeout: 10_000 }).toBe(2);
  });

  test('a publish that nobody acknowledges fails when the connection ends, and none is queued', async () => {
    const broker = await edge();
    const seen = start(broker);
    await expect.poll(() => seen.connected).toBe(1);
    broker.puback = false;
    const lost = client?.publish('telemetry', 'x');
    broker.sockets[0]?.destroy();
    await expect(lost).rejects.toThrow();
    await expect(client?.publish('telemetry', 'y')).rejects.toThrow('not connected');
  });
});
