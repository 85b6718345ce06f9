import { formatAddress, isStreamAddress, sameRemote } from '@corridor/tunnel';
import { describe, expect, test } from 'vitest';
import { AcceptRate } from './accept-rate.js';
import { streamAddress } from './address.js';
import { Backlog, wrappedMs } from './backlog.js';
import { BundleReader, BundleWriter } from './bundle.js';
import { BACKLOG_BYTES } from './constants.js';
import { GatewayAddresses } from './gateway-addresses.js';
import { fallbackUrl } from './keeper.js';

describe('a bundle', () => {
  test('gives back what was put in, byte for byte', () => {
    const slab = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
    const parts = [
      [7, 0, 1],
      [7, 100, 0],
      [(1 << 20) + 5, 3, 1441],
      [2 ** 31 - 2, 1500, 3000],
    ] as const;
    const writer = new BundleWriter(parts.length, 4442, 123_456_789.25);
    for (const [socket, offset, length] of parts) writer.add(socket, slab, offset, length);
    const reader = new BundleReader(writer.buffer);
    expect([reader.count, reader.atUs]).toEqual([4, 123_456_789.25]);
    for (const [socket, offset, length] of parts) {
      expect(reader.next()).toBe(true);
      expect([reader.socket, reader.length]).toEqual([socket, length]);
      expect(reader.bytes.subarray(reader.offset, reader.offset + length)).toEqual(slab.slice(offset, offset + length));
    }
    expect(reader.next()).toBe(false);
  });
});

describe('a backlog', () => {
  test('takes 64 KB, and nothing behind what the kernel has not taken for more than 100 ms', () => {
    const backlog = new Backlog();
    for (let bytes = 0; bytes < BACKLOG_BYTES; bytes += 1024) {
      expect(backlog.admits(1024, 5000)).toBe(true);
      backlog.add(1024);
    }
    expect(backlog.admits(1, 0)).toBe(false);
    backlog.take(BACKLOG_BYTES - 1024);
    backlog.noteOffered(5000);
    expect(backlog.admits(1400, 5100)).toBe(true);
    expect(backlog.admits(1400, 5101)).toBe(false);
    backlog.noteOffered(5050);
    expect(backlog.admits(1400, 5101)).toBe(true);
  });

  test('does not age while only the other thread is late, and always takes one when it is empty', () => {
    const backlog = new Backlog();
    backlog.add(1400);
    expect(backlog.admits(1400, 1_000_000)).toBe(true);
    backlog.noteOffered(0);
    expect(backlog.admits(1400, 1_000_000)).toBe(false);
    backlog.noteOffered(undefined);
    expect(backlog.admits(1400, 1_000_000)).toBe(true);
    backlog.noteOffered(5);
    backlog.take(1400);
    expect(backlog.admits(1400, 1_000_000)).toBe(true);
  });

  test('is the same for whoever has its memory, and ages over the wrap of its clock', () => {
    const backlog = new Backlog();
    const other = new Backlog(backlog.memory);
    const wrap = 2 ** 32 * 1000;
    backlog.add(1400);
    other.noteOffered(wrappedMs(wrap / 2 - 20_000));
    expect(other.bytes).toBe(1400);
    expect(backlog.admits(1, wrappedMs(wrap / 2 + 60_000))).toBe(true);
    expect(backlog.admits(1, wrappedMs(wrap / 2 + 90_000))).toBe(false);
    other.take(1400);
    expect(backlog.bytes).toBe(0);
  });
});

describe('the address of a stream', () => {
  test.each([
    ['192.0.2.1', 4510, '192.0.2.1:4510'],
    ['::ffff:192.0.2.1', 80, '192.0.2.1:80'],
    ['2001:db8::7', 443, '[2001:db8::7]:443'],
    ['fe80::1%eth0', 443, '[fe80::1]:443'],
    [undefined, undefined, '0.0.0.0:0'],
    ['no address', 9, '0.0.0.0:9'],
  ])('%s port %s reads %s', (ip, port, text) => {
    const record = streamAddress(ip, port);
    expect(formatAddress(record)).toBe(text);
    expect(isStreamAddress(record)).toBe(true);
  });

  test('is never that of a UDP socket', () => {
    const stream = streamAddress('192.0.2.1', 4510);
    const udp = stream.slice();
    udp[1] = 0;
    expect(isStreamAddress(udp)).toBe(false);
    expect(sameRemote(stream, 0, udp, 0)).toBe(false);
  });
});

describe('the rate of accepts', () => {
  test('is a burst, then so many a second, for each key alone', () => {
    const rate = new AcceptRate({ perSecond: 4, burst: 3 }, 100);
    const take = (key: string, ms: number, times: number) =>
      Array.from({ length: times }, () => rate.take(key, ms)).filter(Boolean).length;
    expect([take('a', 0, 10), take('b', 0, 10)]).toEqual([3, 3]);
    expect(take('a', 500, 10)).toBe(2);
    expect(take('a', 60_000, 10)).toBe(3);
  });

  test('remembers so many keys, and forgets the quietest', () => {
    const rate = new AcceptRate({ perSecond: 0.001, burst: 1 }, 2);
    for (const key of ['a', 'b', 'a', 'c']) rate.take(key, 0);
    expect(rate.take('a', 0)).toBe(false);
    expect(rate.take('b', 0)).toBe(true);
  });
});

describe('the addresses of the gateway', () => {
  const url = new URL('wss://gateway.test/tunnel');
  const endpoints = ['203.0.113.10', '2001:db8::10'];

  test('are those of its name, then those of the tunnel’s endpoints, of the families that the uplink has', async () => {
    const addresses = new GatewayAddresses(url, endpoints, async () => [{ address: '192.0.2.7' }, { address: '::7' }]);
    expect(await addresses.of([4, 6])).toEqual(['192.0.2.7', '::7', '203.0.113.10', '2001:db8::10']);
    expect(await addresses.of([4])).toEqual(['192.0.2.7', '203.0.113.10']);
  });

  test('are remembered when the name cannot be looked up later, and asked for once at a time', async () => {
    let answer: Promise<readonly { address: string }[]> = Promise.resolve([{ address: '192.0.2.7' }]);
    let asked = 0;
    const addresses = new GatewayAddresses(url, endpoints, () => {
      asked++;
      return answer;
    });
    await addresses.of([4]);
    answer = Promise.reject(new Error('ENOTFOUND'));
    const both = await Promise.all([addresses.of([4]), addresses.of([6])]);
    expect(both).toEqual([['192.0.2.7', '203.0.113.10'], ['2001:db8::10']]);
    expect(asked).toBe(2);
  });

  test('need no name service when the URL has a number', async () => {
    const none = () => Promise.reject(new Error('nobody asks'));
    const of = (text: string) => new GatewayAddresses(fallbackUrl(text), endpoints, none).of([4, 6]);
    expect(await of('https://192.0.2.9:8443')).toEqual(['192.0.2.9']);
    expect(await of('https://[2001:db8::9]')).toEqual(['2001:db8::9']);
  });
});

test.each([
  ['https://gateway.test', 'wss://gateway.test/tunnel'],
  ['https://gateway.test:8443/', 'wss://gateway.test:8443/tunnel'],
  ['https://gateway.test/corridor/tunnel', 'wss://gateway.test/corridor/tunnel'],
])('%s leads to %s', (text, url) => {
  expect(fallbackUrl(text).href).toBe(url);
});
