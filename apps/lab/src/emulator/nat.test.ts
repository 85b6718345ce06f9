import { describe, expect, it } from 'vitest';
import * as ip from './ip.js';
import { NAT_MAPPINGS_MADE, NAT_NO_MAPPING, NAT_UNTRANSLATABLE, Nat } from './nat.js';

const INSIDE = { 4: '100.64.1.2', 6: 'fd00:0:1::2' } as const;
const PUBLIC = { 4: '198.18.0.1', 6: '2001:db8:1::1' } as const;
const SERVER = { 4: '203.0.113.10', 6: '2001:db8::10' } as const;
const HEADER = { 4: 20, 6: 40 } as const;

/** A correct packet with ports (or an echo with its identifier in place of them) and an odd number of bytes. */
function makePacket(version: 4 | 6, protocol: number, from: string, to: string, ports: [number, number]): Uint8Array {
  const upper = protocol === ip.PROTOCOL_TCP ? 20 : 8;
  const packet = new Uint8Array(HEADER[version] + upper + 33);
  const at = HEADER[version];
  const length = packet.length - at;
  if (version === 4) {
    packet.set([0x45, 0, packet.length >> 8, packet.length & 255, 1, 2, 0x40, 0, 64, protocol]);
  } else {
    packet.set([0x60, 0, 0, 0, length >> 8, length & 255, protocol, 64]);
  }
  packet.set(ip.parseAddress(from), ip.sourceOffset(0, version));
  packet.set(ip.parseAddress(to), ip.targetOffset(0, version));
  for (let i = at + upper; i < packet.length; i++) packet[i] = i * 7;
  if (protocol === ip.PROTOCOL_ICMP || protocol === ip.PROTOCOL_ICMPV6) {
    packet[at] = protocol === ip.PROTOCOL_ICMP ? 8 : 128;
    ip.writeU16(packet, at + 4, ports[0]);
  } else {
    ip.writeU16(packet, at, ports[0]);
    ip.writeU16(packet, at + 2, ports[1]);
    if (protocol === ip.PROTOCOL_UDP) ip.writeU16(packet, at + 4, length);
  }
  if (version === 4) ip.writeU16(packet, 10, ~ip.fold(ip.sumWords(packet, 0, 20)) & 0xffff);
  const checksum = protocol === ip.PROTOCOL_UDP ? at + 6 : protocol === ip.PROTOCOL_TCP ? at + 16 : at + 2;
  ip.writeU16(packet, checksum, ~ip.fold(upperSum(packet, version, protocol)) & 0xffff);
  return packet;
}

/** Sum of the upper layer and, where it counts, the pseudo header. */
function upperSum(packet: Uint8Array, version: 4 | 6, protocol: number): number {
  const at = HEADER[version];
  const upper = ip.sumWords(packet, at, packet.length - at);
  if (protocol === ip.PROTOCOL_ICMP) return upper;
  const size = ip.addressBytes(version);
  const addresses = ip.sumWords(packet, ip.sourceOffset(0, version), size * 2);
  return upper + addresses + protocol + (packet.length - at);
}

function isSound(packet: Uint8Array, version: 4 | 6, protocol: number): boolean {
  const header = version === 6 || ip.fold(ip.sumWords(packet, 0, 20)) === 0xffff;
  return header && ip.fold(upperSum(packet, version, protocol)) === 0xffff;
}

const KINDS = [
  [4, ip.PROTOCOL_UDP],
  [4, ip.PROTOCOL_TCP],
  [4, ip.PROTOCOL_ICMP],
  [6, ip.PROTOCOL_UDP],
  [6, ip.PROTOCOL_TCP],
  [6, ip.PROTOCOL_ICMPV6],
] as const;

describe('Nat', () => {
  it.each(KINDS)('translates IPv%i, protocol %i, there and back with sound checksums', (version, protocol) => {
    const nat = new Nat(version, ip.parseAddress(PUBLIC[version]));
    const out = makePacket(version, protocol, INSIDE[version], SERVER[version], [4000, 4510]);
    expect(nat.outbound(out, 0, out.length, 0)).toBe(true);
    expect(out.slice(ip.sourceOffset(0, version)).slice(0, ip.addressBytes(version))).toEqual(
      ip.parseAddress(PUBLIC[version]),
    );
    expect(isSound(out, version, protocol)).toBe(true);

    const echo = protocol === ip.PROTOCOL_ICMP || protocol === ip.PROTOCOL_ICMPV6;
    const publicPort = ip.readU16(out, HEADER[version] + (echo ? 4 : 0));
    const ports: [number, number] = echo ? [publicPort, 0] : [4510, publicPort];
    const back = makePacket(version, protocol, SERVER[version], PUBLIC[version], ports);
    expect(nat.inbound(back, 0, back.length, 1)).toBe(true);
    expect(back).toEqual(
      makePacket(version, protocol, SERVER[version], INSIDE[version], echo ? [4000, 0] : [4510, 4000]),
    );
  });

  function portSeen(nat: Nat, nowUs: number, insidePort = 4000): number {
    const packet = makePacket(4, ip.PROTOCOL_UDP, INSIDE[4], SERVER[4], [insidePort, 4510]);
    nat.outbound(packet, 0, packet.length, nowUs);
    return ip.readU16(packet, 20);
  }

  function comesBack(nat: Nat, port: number, nowUs: number): boolean {
    const packet = makePacket(4, ip.PROTOCOL_UDP, SERVER[4], PUBLIC[4], [4510, port]);
    return nat.inbound(packet, 0, packet.length, nowUs);
  }

  it('keeps one port for one inside port, and another for another', () => {
    const nat = new Nat(4, ip.parseAddress(PUBLIC[4]));
    const port = portSeen(nat, 0);
    expect(portSeen(nat, 5)).toBe(port);
    expect(portSeen(nat, 6, 4001)).not.toBe(port);
    expect(portSeen(nat, 7)).toBe(port);
    expect(nat.counters[NAT_MAPPINGS_MADE]).toBe(2);
  });

  it('takes a new port after a rebinding and drops what comes for the old one', () => {
    const nat = new Nat(4, ip.parseAddress(PUBLIC[4]));
    const before = portSeen(nat, 0);
    nat.rebind();
    expect(comesBack(nat, before, 1)).toBe(false);
    const after = portSeen(nat, 2);
    expect(after).not.toBe(before);
    expect([comesBack(nat, before, 3), comesBack(nat, after, 3)]).toEqual([false, true]);
    expect(nat.counters[NAT_NO_MAPPING]).toBe(2);
  });

  it('forgets a mapping without outbound packets for its lifetime, inbound ones do not keep it', () => {
    const nat = new Nat(4, ip.parseAddress(PUBLIC[4]), 1000);
    const port = portSeen(nat, 0);
    expect(comesBack(nat, port, 1000)).toBe(true);
    expect(comesBack(nat, port, 1001)).toBe(false);
    expect(portSeen(nat, 1500)).not.toBe(port);
  });

  it('leaves a UDP packet without checksum without one', () => {
    const nat = new Nat(4, ip.parseAddress(PUBLIC[4]));
    const packet = makePacket(4, ip.PROTOCOL_UDP, INSIDE[4], SERVER[4], [4000, 4510]);
    ip.writeU16(packet, 26, 0);
    nat.outbound(packet, 0, packet.length, 0);
    expect(ip.readU16(packet, 26)).toBe(0);
  });

  it('refuses what it cannot translate: fragments, other protocols, other versions, short packets', () => {
    const nat = new Nat(4, ip.parseAddress(PUBLIC[4]));
    const fragment = makePacket(4, ip.PROTOCOL_UDP, INSIDE[4], SERVER[4], [1, 2]);
    ip.writeU16(fragment, 6, 100);
    const gre = makePacket(4, ip.PROTOCOL_UDP, INSIDE[4], SERVER[4], [1, 2]);
    gre[9] = 47;
    const other = makePacket(6, ip.PROTOCOL_UDP, INSIDE[6], SERVER[6], [1, 2]);
    for (const packet of [fragment, gre, other]) expect(nat.outbound(packet, 0, packet.length, 0)).toBe(false);
    expect(nat.outbound(gre, 0, 12, 0)).toBe(false);
    expect(nat.counters[NAT_UNTRANSLATABLE]).toBe(4);
  });
});

describe('parseAddress', () => {
  it.each([
    ['192.0.2.1', [192, 0, 2, 1]],
    ['::1', [...new Array(15).fill(0), 1]],
    ['fd00:1:2::ab', [0xfd, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab]],
  ])('reads %s', (text, bytes) => {
    expect([...ip.parseAddress(text)]).toEqual(bytes);
  });

  it.each(['192.0.2', '300.1.1.1', '1:2:3', '1::2::3'])('refuses %s', (text) => {
    expect(() => ip.parseAddress(text)).toThrow(RangeError);
  });
});
