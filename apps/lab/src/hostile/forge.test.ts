import { Random } from '@corridor/sim';
import { describe, expect, it } from 'vitest';
import * as ip from '../emulator/ip.js';
import { ATTACKS, Forge } from './forge.js';

const HEADERS = 28;

/** A packet such as the emulator captures: from 100.64.1.2, port 5555, with a transport datagram of `length` bytes. */
function sample(length: number): Uint8Array {
  const packet = new Uint8Array(HEADERS + length).fill(0xaa);
  packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 100, 64, 1, 2, 203, 0, 113, 10, 0x15, 0xb3, 0x11, 0x9e]);
  packet.set([4, 0, 0, 0, 1, 2, 3, 4], HEADERS);
  return packet;
}

const initiation = new Uint8Array(180).fill(1);
const input = { samples: [sample(240)], initiations: [initiation], target: { address: '203.0.113.10', port: 4510 } };

describe.each(ATTACKS)('attack: %s', (attack) => {
  it('writes whole IPv4/UDP packets to the gateway with a sound header', () => {
    const forge = new Forge(input, new Random(3));
    const slab = new Uint8Array(4096).fill(0xee);
    for (let i = 0; i < 300; i++) {
      const length = forge.write(attack, slab, 2048);
      expect(ip.ipVersion(slab, 2048, length)).toBe(4);
      expect(ip.readU16(slab, 2048 + 2)).toBe(length);
      expect(ip.readU16(slab, 2048 + 24)).toBe(length - 20);
      expect(ip.fold(ip.sumWords(slab, 2048, 20))).toBe(0xffff);
      expect([...slab.subarray(2064, 2068)]).toEqual([203, 0, 113, 10]);
      expect(ip.readU16(slab, 2048 + 22)).toBe(4510);
      expect(length).toBeLessThanOrEqual(1500);
    }
  });
});

describe('Forge', () => {
  it('never changes the samples, changes what it flips, shortens what it truncates, keeps what it replays', () => {
    const before = sample(240);
    const forge = new Forge(input, new Random(4));
    const slab = new Uint8Array(2048);
    for (let i = 0; i < 50; i++) {
      const flipped = forge.write('bits flipped', slab, 0);
      expect(flipped).toBe(before.length);
      expect(slab.slice(HEADERS, flipped)).not.toEqual(before.slice(HEADERS));
      expect(forge.write('truncated', slab, 0)).toBeLessThan(before.length);
      const replayed = forge.write('replayed', slab, 0);
      expect(slab.slice(HEADERS, replayed)).toEqual(before.slice(HEADERS));
    }
    expect(input.samples[0]).toEqual(before);
  });
});
