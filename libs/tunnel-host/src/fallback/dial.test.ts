import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { FallbackTrust } from '../options.js';
import { fingerprintOf } from '../tls/certificate.js';
import { DIAL_MS, SUBPROTOCOL } from './constants.js';
import { type Dialled, dial } from './dial.js';
import { fallbackUrl } from './keeper.js';

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../test/certificates/${name}`, import.meta.url)), 'utf8');
const leafOf = (chain: string) => chain.slice(0, chain.indexOf('-----END') + 26);
const authority = pem('authority.pem');
const pinned: FallbackTrust = { kind: 'fingerprint', fingerprint: fingerprintOf(new X509Certificate(authority)) };

let server: Server | undefined;
const open: Dialled[] = [];

afterEach(() => {
  for (const { webSocket } of open.splice(0)) webSocket.terminate();
  server?.closeAllConnections();
  server?.close();
});

interface Seen {
  readonly requests: IncomingMessage[];
  readonly names: (string | false | null)[];
  connections: number;
}

/** A gateway on loopback with a certificate for 203.0.113.10 and gateway.test. */
async function gateway(name: string, chain = pem(`${name}.pem`)): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { requests: [], names: [], connections: 0 };
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
  server = createServer({ cert: chain, key: pem(`${name}.key`) });
  server.on('connection', () => seen.connections++);
  server.on('upgrade', (request, socket, head) => {
    seen.requests.push(request);
    seen.names.push((request.socket as TLSSocket).servername as string | false);
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      webSocket.on('message', (bytes) => webSocket.send(bytes)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, seen };
}

async function to(url: string, trust: FallbackTrust, signal = new AbortController().signal): Promise<Dialled> {
  const dialled = await dial({ url: fallbackUrl(url), address: '127.0.0.1', device: 'lo', trust }, signal);
  open.push(dialled);
  return dialled;
}

describe('dialling', () => {
  test('brings a WebSocket over the judged connection, plain in host, path and name', async () => {
    const { port, seen } = await gateway('gateway');
    const { webSocket } = await to(`https://gateway.test:${port}`, pinned);
    webSocket.send(Uint8Array.of(1, 2, 3));
    expect((await once(webSocket, 'message'))[0]).toEqual(Buffer.of(1, 2, 3));
    expect(webSocket.protocol).toBe(SUBPROTOCOL);
    expect(webSocket.extensions).toBe('');
    const [{ url, headers }] = seen.requests;
    expect([url, headers.host, headers['sec-websocket-extensions']]).toEqual([
      '/tunnel',
      `gateway.test:${port}`,
      undefined,
    ]);
    expect([seen.names, seen.connections]).toEqual([['gateway.test'], 1]);
  });

  test('names nobody where the URL has a number', async () => {
    const { port, seen } = await gateway('gateway');
    await to(`https://203.0.113.10:${port}/corridor/tunnel`, pinned);
    expect(seen.names).toEqual([false]);
    expect(seen.requests[0].url).toBe('/corridor/tunnel');
  });

  test('gives up when told to, and leaves no connection', async () => {
    const { port, seen } = await gateway('gateway');
    const giveUp = new AbortController();
    const dialling = to(`https://gateway.test:${port}`, pinned, giveUp.signal);
    giveUp.abort();
    await expect(dialling).rejects.toThrow('given up');
    expect(seen.requests).toEqual([]);
  });

  test('gives up on who takes the connection and says nothing, garbage collected meanwhile or not', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { port } = silent.address() as AddressInfo;
      const refused = expect(to(`https://gateway.test:${port}`, pinned)).rejects.toThrow('no answer within 8 s');
      const [connection] = await once(silent, 'connection');
      connection.on('error', () => {});
      globalThis.gc?.();
      vi.advanceTimersByTime(DIAL_MS);
      await refused;
    } finally {
      vi.useRealTimers();
      silent.close();
    }
  });

  test('says what is in its way', async () => {
    const { port } = await gateway('gateway');
    server?.close();
    server?.closeAllConnections();
    await expect(to(`https://gateway.test:${port}`, pinned)).rejects.toThrow('nothing listens there');
    await expect(
      dial(
        { url: fallbackUrl('https://gateway.test'), address: '127.0.0.1', device: 'nosuch', trust: pinned },
        new AbortController().signal,
      ),
    ).rejects.toThrow('cannot bind a TCP socket to the device nosuch');
  });
});

describe('a certificate', () => {
  const ca: FallbackTrust = { kind: 'ca', pem: authority };

  test.each<[string, string, string, FallbackTrust]>([
    ['of the pinned authority', 'gateway', '', pinned],
    ['of the pinned authority whose dates are over', 'past', '', pinned],
    [
      'that is itself pinned',
      'gateway',
      'leaf',
      { kind: 'fingerprint', fingerprint: fingerprintOf(new X509Certificate(leafOf(pem('gateway.pem')))) },
    ],
    ['of the authority at hand', 'gateway', '', ca],
    ['of the authority at hand, which the server leaves out', 'gateway', 'leaf', ca],
    ['of one of several authorities at hand', 'past', '', { kind: 'ca', pem: pem('foreign.pem') + authority }],
  ])('%s is taken', async (_, name, leaf, trust) => {
    const { port } = await gateway(name, leaf ? leafOf(pem(`${name}.pem`)) : pem(`${name}.pem`));
    await expect(to(`https://203.0.113.10:${port}`, trust)).resolves.toBeDefined();
  });

  test.each<[string, string, string, FallbackTrust, RegExp]>([
    ['of another authority', 'foreign', '203.0.113.10', pinned, /not of the authority that the configuration names/],
    ['of another authority', 'foreign', '203.0.113.10', ca, /not of the authority that the configuration names/],
    ['for another host', 'gateway', '192.0.2.9', pinned, /is for .*gateway\.test, not for 192\.0\.2\.9/],
    [
      'of an authority that nobody in public knows',
      'gateway',
      '203.0.113.10',
      { kind: 'public' },
      /not of the authority/,
    ],
    [
      'whose dates are over and whose authority nobody knows',
      'past',
      '203.0.113.10',
      { kind: 'public' },
      /not of the authority/,
    ],
  ])('%s is refused before a byte of the request leaves', async (_, name, host, trust, why) => {
    const { port, seen } = await gateway(name);
    await expect(to(`https://${host}:${port}`, trust)).rejects.toThrow(why);
    expect(seen.requests).toEqual([]);
  });
});
