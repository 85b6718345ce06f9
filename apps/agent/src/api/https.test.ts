import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { fingerprintOf } from '@corridor/tunnel-host';
import { afterEach, describe, expect, test } from 'vitest';
import { apiUrl } from './gateway-api.js';
import { call, type Trust } from './https.js';

const pem = (name: string) => readFileSync(new URL(`../../test/certificates/${name}`, import.meta.url), 'utf8');
const PINNED = { fingerprint: fingerprintOf(new X509Certificate(pem('authority.pem'))) };

let server: Server | undefined;
let connections = 0;
let requests = 0;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** A gateway that shows `chain`; answers its base URL. */
async function serve(
  chain: readonly string[],
  key: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('{"ok":true}'),
  host = '127.0.0.1',
): Promise<URL> {
  [connections, requests] = [0, 0];
  server = createServer({ cert: chain.map(pem).join('\n'), key: pem(key) }, (request, response) => {
    requests++;
    answer(request, response);
  });
  server.on('connection', () => connections++);
  server.listen(0, host);
  await once(server, 'listening');
  return new URL(`https://${host}:${(server.address() as AddressInfo).port}`);
}

describe('with a pinned authority', () => {
  test.each([
    ['its server', ['server.pem', 'authority.pem'], 'server.key'],
    ['its server whose dates are years off', ['expired.pem', 'authority.pem'], 'expired.key'],
    ['a chain in the wrong order', ['server.pem', 'foreign.pem', 'authority.pem'], 'server.key'],
  ])('%s is trusted', async (_, chain, key) => {
    const url = await serve(chain, key);
    expect(await call('GET', url, PINNED)).toEqual({ status: 200, body: { ok: true } });
    // The request went over the very connection whose certificate was judged.
    expect([connections, requests]).toEqual([1, 1]);
  });

  test('the certificate at hand may stand in for what the server leaves out', async () => {
    const url = await serve(['server.pem', 'authority.pem'], 'server.key');
    const trust: Trust = { ...PINNED, authority: pem('authority.pem') };
    expect((await call('GET', url, trust)).status).toBe(200);
  });

  test.each([
    [
      'a server of another authority',
      ['foreign-server.pem', 'foreign.pem'],
      'foreign-server.key',
      /not of the authority/,
    ],
    ['one that only shows the right authority', ['foreign-server.pem', 'authority.pem'], 'foreign-server.key', /./],
    ['one that a server signed', ['grandchild.pem', 'server.pem', 'authority.pem'], 'grandchild.key', /may sign none/],
    ['one that shows no authority', ['foreign-server.pem'], 'foreign-server.key', /not of the authority/],
  ])('%s is not, and hears not a byte of the request', async (_, chain, key, reason) => {
    const url = await serve(chain, key);
    const refused = call('POST', url, PINNED, { body: { secret: 1 } });
    await expect(refused).rejects.toMatchObject({ code: 'untrusted', message: expect.stringMatching(reason) });
    expect(requests).toBe(0);
  });

  test('the host name counts', async () => {
    const url = await serve(['server.pem', 'authority.pem'], 'server.key', undefined, '127.0.0.2');
    await expect(call('GET', url, PINNED)).rejects.toThrow(/is for localhost, 127\.0\.0\.1, not for 127\.0\.0\.2$/);
    expect(requests).toBe(0);
  });
});

test('without a fingerprint the system decides, and its sentence is shown', async () => {
  const url = await serve(['server.pem', 'authority.pem'], 'server.key');
  await expect(call('GET', url, { fingerprint: null })).rejects.toMatchObject({ code: 'untrusted' });
  expect(requests).toBe(0);
});

describe('what goes wrong is a sentence', () => {
  test('nothing listens', async () => {
    const url = await serve(['server.pem', 'authority.pem'], 'server.key');
    server?.close();
    await expect(call('GET', url, PINNED)).rejects.toThrow(/cannot be reached: nothing listens there$/);
  });

  test('no TLS', async () => {
    const plain = createTcpServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const url = new URL(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`);
    await expect(call('GET', url, PINNED)).rejects.toMatchObject({ code: 'unreachable' });
    plain.close();
  });

  test('no answer', async () => {
    const url = await serve(['server.pem', 'authority.pem'], 'server.key', () => {});
    await expect(call('GET', url, PINNED, { timeoutMs: 300 })).rejects.toThrow(/no answer within 0\.3 s$/);
  });

  test.each([
    ['a server that does not even speak', { timeoutMs: 300 }],
    ['one that is given up at once', { signal: AbortSignal.abort() }],
  ])('no answer of %s, garbage collected meanwhile or not', async (_, options) => {
    const silent = createTcpServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const collecting = setInterval(() => globalThis.gc?.(), 20);
    const given = { signal: new AbortController().signal, ...options };
    await expect(call('GET', url, PINNED, given)).rejects.toThrow(/no answer within/);
    clearInterval(collecting);
    silent.close();
  });

  test('an endless answer', async () => {
    const url = await serve(['server.pem', 'authority.pem'], 'server.key', (_, response) => {
      response.on('error', () => {});
      for (let n = 0; n < 40; n++) response.write('x'.repeat(65_536));
    });
    await expect(call('GET', url, PINNED)).rejects.toThrow(/longer than a gateway would send/);
  });

  test('http instead of https', async () => {
    await expect(call('GET', new URL('http://127.0.0.1:1'), PINNED)).rejects.toThrow(/expected an https address/);
  });
});

test.each([
  ['https://g:8443', 'https://g:8443/api/v1/enrolment'],
  ['https://g:8443/', 'https://g:8443/api/v1/enrolment'],
  ['https://g:8443/api/v1', 'https://g:8443/api/v1/enrolment'],
  ['https://g/fleet/', 'https://g/fleet/api/v1/enrolment'],
])('%s leads to %s', (base, url) => {
  expect(apiUrl(new URL(base), 'enrolment').href).toBe(url);
});
