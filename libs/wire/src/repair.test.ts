import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, hex } from '../test/vectors.js';
import {
  isRepair,
  MAX_REPAIR_WINDOW,
  REPAIR_HEADER_BYTES,
  REPAIR_OVERHEAD_BYTES,
  repairCoefficient,
  repairCount,
  repairNumber,
  SYMBOL_LENGTH_BYTES,
  symbolPacketLength,
  writeRepairHeader,
  writeSymbolLength,
} from './index.js';

interface RepairVectors {
  coefficients: { number: number; sequence: number; coefficient: number }[];
  repairs: { name: string; first: number; number: number; packets: string[]; payload: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/repair.json', import.meta.url), 'utf8')) as RepairVectors;

/** The product by the book: polynomials over GF(2), modulo x^8 + x^4 + x^3 + x^2 + 1. */
function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) sum ^= a << bit;
  for (let bit = 15; bit >= 8; bit--) if ((sum >> bit) & 1) sum ^= 0x11d << (bit - 8);
  return sum;
}

describe('the coefficients of repairs', () => {
  it.each(vectors.coefficients)('golden: repair $number, packet $sequence', ({ number, sequence, coefficient }) => {
    expect(repairCoefficient(number, sequence)).toBe(coefficient);
    expect(repairCoefficient(number, sequence | 0)).toBe(coefficient);
  });

  it('are the inverses of sums of two disjoint halves of the field', () => {
    for (let number = 0; number < 256; number++) {
      for (let sequence = 0; sequence < 256; sequence++) {
        const sum = (number & 127) ^ (128 + (sequence & 127));
        expect(product(repairCoefficient(number, sequence), sum)).toBe(1);
      }
    }
  });

  it('of any two repairs are independent over any two packets within 128', () => {
    for (let number = 1; number < 128; number++) {
      for (let sequence = 1; sequence < 128; sequence++) {
        const straight = product(repairCoefficient(0, 0), repairCoefficient(number, sequence));
        expect(straight).not.toBe(product(repairCoefficient(0, sequence), repairCoefficient(number, 0)));
      }
    }
  });
});

describe('the payload of a repair', () => {
  it.each(vectors.repairs)('golden: $name', ({ first, number, packets, payload }) => {
    const bytes = fromHex(`ff${payload}`);
    expect(isRepair(bytes, 1, bytes.length - 1)).toBe(true);
    expect([repairCount(bytes, 1), repairNumber(bytes, 1)]).toEqual([packets.length, number]);
    const longest = Math.max(...packets.map((packet) => packet.length / 2));
    expect(bytes.length - 1).toBe(longest + REPAIR_OVERHEAD_BYTES);

    const made = new Uint8Array(longest + REPAIR_OVERHEAD_BYTES);
    writeRepairHeader(made, 0, packets.length, number);
    packets.forEach((packet, i) => {
      const symbol = new Uint8Array(longest + SYMBOL_LENGTH_BYTES);
      writeSymbolLength(symbol, 0, packet.length / 2);
      symbol.set(fromHex(packet), SYMBOL_LENGTH_BYTES);
      expect(symbolPacketLength(symbol, 0)).toBe(packet.length / 2);
      const coefficient = repairCoefficient(number, first + i);
      symbol.forEach((byte, j) => {
        made[REPAIR_HEADER_BYTES + j] ^= product(coefficient, byte);
      });
    });
    expect(hex(made)).toBe(payload);
  });

  it.each([
    ['nothing', [], false],
    ['no code', [1, 0], false],
    ['a symbol without a packet', [1, 0, 9, 9], false],
    ['the shortest', [1, 0, 9, 9, 9], true],
    ['no packets', [0, 0, 9, 9, 9], false],
    ['a full window', [MAX_REPAIR_WINDOW, 255, 9, 9, 9], true],
    ['more than a window', [MAX_REPAIR_WINDOW + 1, 0, 9, 9, 9], false],
  ])('%s: shaped like one or not', (_name, bytes, expected) => {
    expect(isRepair(Uint8Array.from(bytes), 0, bytes.length)).toBe(expected);
  });
});
