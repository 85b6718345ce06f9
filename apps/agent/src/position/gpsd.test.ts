import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { GpsdClient, positionOf } from './gpsd.js';

let client: GpsdClient | undefined;
let server: Server | undefined;

afterEach(async () => {
  await client?.close();
  server?.close();
});

const FIX =
  '{"class":"TPV","device":"/dev/gps","mode":3,"time":"2026-11-23T08:00:00.000Z","lat":48.137154321,"lon":11.576124999,' +
  '"altHAE":560.1,"speed":13.894,"track":271.26,"eph":4.56}';

describe('a line of gpsd', () => {
  test('with a fix is a position, to what a receiver is good for', () => {
    expect(positionOf(FIX)).toEqual({
      latitude: 48.137154,
      longitude: 11.576125,
      speedMps: 13.89,
      headingDeg: 271.3,
      errorM: 4.6,
    });
  });

  test.each([
    ['mode 1', '{"class":"TPV","mode":1,"lat":48,"lon":11}', 'no-fix'],
    ['no mode', '{"class":"TPV"}', 'no-fix'],
    ['a latitude beyond the pole', '{"class":"TPV","mode":3,"lat":91,"lon":11}', 'no-fix'],
    ['a latitude that is no number', '{"class":"TPV","mode":3,"lat":"48","lon":11}', 'no-fix'],
    ['a sky view', '{"class":"SKY","satellites":[]}', undefined],
    ['no JSON', '$GPRMC,1,2,3', undefined],
    ['null', 'null', undefined],
  ])('with %s is %s', (_, line, expected) => {
    expect(positionOf(line)).toBe(expected);
  });
});

/** The edge of gpsd's protocol: says hello, waits for the watch, then whatever the test sends. */
async function edge(): Promise<{ port: number; connected: () => Promise<Socket> }> {
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('{"class":"VERSION","release":"3.22","proto_major":3,"proto_minor":14}\n');
    socket.setEncoding('utf8').on('data', (text: string) => {
      if (!text.startsWith('?WATCH={"enable":true,"json":true}')) return;
      const taker = waiting.shift();
      if (taker) taker(socket);
      else sockets.push(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = () =>
    new Promise<Socket>((resolve) => {
      const socket = sockets.shift();
      if (socket) resolve(socket);
      else waiting.push(resolve);
    });
  return { port: (server.address() as AddressInfo).port, connected };
}

describe('the client', () => {
  test('watches, forgets a fix that is old or lost, and connects again', async () => {
    let nowMs = 0;
    const { port, connected } = await edge();
    client = new GpsdClient('127.0.0.1', port, () => nowMs);
    client.start();
    const socket = await connected();
    // In pieces, as TCP likes it.
    socket.write(FIX.slice(0, 50));
    socket.write(`${FIX.slice(50)}\n`);
    await expect.poll(() => client?.position?.latitude).toBe(48.137154);
    nowMs = 10_000;
    expect(client.position).toBeDefined();
    nowMs = 10_001;
    expect(client.position).toBeUndefined();
    socket.write(`${FIX}\n`);
    await expect.poll(() => client?.position).toBeDefined();
    socket.write('{"class":"TPV","mode":0}\n');
    await expect.poll(() => client?.position).toBeUndefined();
    socket.destroy();
    (await connected()).write(`${FIX}\n`);
    await expect.poll(() => client?.position).toBeDefined();
  });

  test('cuts off what never ends a line', async () => {
    const { port, connected } = await edge();
    client = new GpsdClient('127.0.0.1', port);
    client.start();
    const socket = await connected();
    const closed = once(socket, 'close');
    socket.write('x'.repeat(70_000));
    await closed;
  });

  test('ends while nobody answers', async () => {
    client = new GpsdClient('127.0.0.1', 1);
    client.start();
    await client.close();
    expect(client.position).toBeUndefined();
  });
});

const gpsd = ['/usr/sbin/gpsd', '/usr/local/sbin/gpsd'].find((file) => spawnSync(file, ['-V']).status === 0);

// Without gpsd (Debian: apt-get install gpsd) only the edge above is tested.
test.runIf(gpsd !== undefined)('follows a real gpsd that is fed with a recorded track', async () => {
  const [port, feedPort] = [await freePort(), await freePort()];
  const daemon = spawn(gpsd!, ['-N', '-n', '-S', String(port), `udp://127.0.0.1:${feedPort}`], { stdio: 'ignore' });
  const ended = once(daemon, 'exit');
  const receiver = createSocket('udp4');
  try {
    client = new GpsdClient('127.0.0.1', port);
    client.start();
    const seen = new Set<number>();
    for (let n = 0; n < 600 && seen.size < 5; n++) {
      receiver.send(`${fixes[n % fixes.length]}\r\n`, feedPort, '127.0.0.1');
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (client.position) seen.add(client.position.latitude);
    }
    expect(seen.size).toBeGreaterThanOrEqual(5);
    for (const latitude of seen) expect(Math.abs(latitude - 49.53)).toBeLessThan(0.02);
    expect(client.position?.speedMps).toBeCloseTo(13.9, 0);
  } finally {
    receiver.close();
    daemon.kill('SIGKILL');
    await ended;
  }
});

/** The recorded track, one string a second. */
const fixes = readFileSync(new URL('../../test/track/drive.nmea', import.meta.url), 'utf8')
  .trim()
  .split(/\n(?=\$GPGGA)/)
  .map((sentences) => sentences.replaceAll('\n', '\r\n'));

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
