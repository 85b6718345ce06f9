import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { FallbackServer } from './server.js';

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../test/certificates/${name}`, import.meta.url)), 'utf8');
const certificate = pem('gateway.pem');
const key = pem('gateway.key');

let server: FallbackServer | undefined;
let upgrades: (string | undefined)[] = [];

afterEach(() => {
  server?.close();
  server = undefined;
  upgrades = [];
});

/** A port that nobody uses at the moment. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

async function serve(): Promise<number> {
  const port = await freePort();
  server = await FallbackServer.listen({ listen: [`127.0.0.1:${port}`], certificate, key }, (request, socket) => {
    upgrades.push(request.url);
    socket.destroy();
  });
  return port;
}

async function secured(port: number): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything that the server says until it closes the connection. */
async function answer(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

const asked = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`;

describe('a listener of the tunnel’s own', () => {
  test('hands over upgrades of its one path, and knows no other', async () => {
    const port = await serve();
    for (const path of ['/tunnel', '/tunnel?from=somewhere', '/', '/tunnels', '/tunnel/']) {
      const socket = await secured(port);
      socket.write(asked(path));
      const text = await answer(socket);
      if (!path.startsWith('/tunnel') || /tunnel[s/]/.test(path)) expect(text).toMatch(/^HTTP\/1.1 404 /);
    }
    expect(upgrades).toEqual(['/tunnel', '/tunnel?from=somewhere']);
    const plain = await secured(port);
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answer(plain)).toMatch(/^HTTP\/1.1 404 /);
  });

  test('shows out who says nothing, no TLS, or a request byte by byte', async () => {
    const port = await serve();
    const silent = connectTcp(port, '127.0.0.1');
    const silentTls = await secured(port);
    const trickling = await secured(port);
    trickling.write('GET /tunnel HTTP/1.1\r\nX-Header: ');
    const trickle = setInterval(() => trickling.write('x'), 200);
    const babbling = connectTcp(port, '127.0.0.1', () => babbling.write('GET / HTTP/1.1\r\n\r\n'));
    await Promise.all([silent, silentTls, trickling, babbling].map((socket) => answer(socket)));
    clearInterval(trickle);
    expect(upgrades).toEqual([]);
  });

  test('says in a sentence why it cannot listen', async () => {
    const port = await serve();
    const upgrade = () => {};
    await expect(
      FallbackServer.listen({ listen: [`127.0.0.1:${port}`], certificate, key }, upgrade),
    ).rejects.toMatchObject({
      code: 'ERR_HOST_SYSTEM',
      message: expect.stringMatching(/cannot listen for TLS on .*in use/),
    });
    await expect(
      FallbackServer.listen({ listen: ['127.0.0.1:443'], certificate, key: 'no key' }, upgrade),
    ).rejects.toMatchObject({ code: 'ERR_HOST_CONFIG', message: expect.stringMatching(/certificate cannot be used/) });
    await expect(FallbackServer.listen({ listen: ['everywhere'], certificate, key }, upgrade)).rejects.toMatchObject({
      code: 'ERR_HOST_CONFIG',
      message: '"everywhere" is not "address:port"',
    });
  });
});
