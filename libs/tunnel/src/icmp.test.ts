import { describe, expect, it } from 'vitest';
import { inSlab, ipv4, ipv6 } from '../test/packets.js';
import { MAX_TOO_BIG_REPLY, tooBigReply } from './icmp.js';

function reply(packet: Uint8Array, mtu = 1280): Uint8Array | undefined {
  const out = new Uint8Array(5 + MAX_TOO_BIG_REPLY + 5).fill(0xa5);
  const length = tooBigReply(inSlab(packet), 13, packet.length, mtu, out, 5);
  expect(Array.from(out.subarray(0, 5))).toEqual(new Array(5).fill(0xa5));
  expect(out.subarray(5 + length).every((byte) => byte === 0xa5)).toBe(true);
  return length === 0 ? undefined : out.slice(5, 5 + length);
}

/** The checksum over bytes that contain theirs comes out as 0. */
function checksum(bytes: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

const big = { payload: new Array(1471).fill(3) };
const host = [192, 0, 2, 1];

describe('the answer to a packet that is too big', () => {
  it('is "fragmentation needed" for IPv4, from the destination, with the MTU and the packet quoted', () => {
    const packet = ipv4(big);
    const answer = reply(packet, 1380) as Uint8Array;
    expect(answer.length).toBe(576);
    expect((answer[2] << 8) | answer[3]).toBe(576);
    expect(answer[9]).toBe(1);
    expect(Array.from(answer.subarray(12, 20))).toEqual([10, 77, 0, 1, 10, 77, 0, 2]);
    expect([answer[20], answer[21], (answer[26] << 8) | answer[27]]).toEqual([3, 4, 1380]);
    expect(answer.slice(28)).toEqual(packet.slice(0, 548));
    expect(checksum(answer.subarray(0, 20))).toBe(0);
    expect(checksum(answer.subarray(20))).toBe(0);
  });

  it('is "packet too big" for IPv6', () => {
    const packet = ipv6(big);
    const answer = reply(packet, 1380) as Uint8Array;
    expect(answer.length).toBe(1280);
    expect((answer[4] << 8) | answer[5]).toBe(1240);
    expect(answer[6]).toBe(58);
    expect(answer.slice(8, 24)).toEqual(packet.slice(24, 40));
    expect(answer.slice(24, 40)).toEqual(packet.slice(8, 24));
    expect([answer[40], answer[41]]).toEqual([2, 0]);
    expect(new DataView(answer.buffer).getUint32(44)).toBe(1380);
    expect(answer.slice(48)).toEqual(packet.slice(0, 1232));
    const pseudo = [...answer.subarray(8, 40), 0, 0, answer[4], answer[5], 0, 0, 0, 58];
    expect(checksum([...pseudo, ...answer.subarray(40)])).toBe(0);
  });

  it('quotes a shorter packet whole, of odd length too', () => {
    const packet = ipv4({ payload: [1, 2, 3] });
    const answer = reply(packet) as Uint8Array;
    expect(answer.length).toBe(28 + 23);
    expect(checksum(answer.subarray(20))).toBe(0);
  });

  it('is given to pings', () => {
    expect(reply(ipv4({ protocol: 1, payload: [8, 0, 1, 2, 3, 4, 5, 6] }))).toBeDefined();
    expect(reply(ipv6({ protocol: 58, payload: [128, 0, 1, 2, 3, 4, 5, 6] }))).toBeDefined();
    expect(reply(ipv4({ fragment: [5, 0, true] }))).toBeDefined();
  });

  it.each([
    ['an ICMP error', ipv4({ protocol: 1, payload: [3, 4, 0, 0, 0, 0, 0, 0] })],
    ['an ICMP message without a type', ipv4({ protocol: 1, payload: [] })],
    ['an ICMPv6 error', ipv6({ protocol: 58, payload: [1, 0, 0, 0, 0, 0, 0, 0] })],
    ['a later fragment', ipv4({ fragment: [5, 10, false] })],
    ['a later fragment of IPv6', ipv6({ fragment: [5, 10, false] })],
    ['multicast', ipv4({ destination: [224, 0, 0, 1] })],
    ['IPv6 multicast', ipv6({ destination: [0xff, 2, ...new Array(14).fill(0)] })],
    ['a source that is no host', ipv4({ source: [0, 0, 0, 0], destination: host })],
    ['an unspecified IPv6 source', ipv6({ source: new Array(16).fill(0) })],
    ['what is no IP packet', Uint8Array.of(0x12, 3, 4)],
    ['half a header', ipv4().slice(0, 12)],
  ])('is not given to %s', (_, packet) => {
    expect(reply(packet)).toBeUndefined();
  });
});
