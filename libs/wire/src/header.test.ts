import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, hex, transportVectors } from '../test/vectors.js';
import {
  DATAGRAM_TRANSPORT,
  flowClass,
  flowId,
  innerFlags,
  innerFlow,
  innerKind,
  innerSequence,
  innerStamp,
  MAX_PACKET_NUMBER,
  OVERHEAD_BYTES,
  outerPacketNumber,
  outerPathId,
  outerReceiver,
  serialDistance,
  stampOf,
  writeInnerHeader,
  writeNonce,
  writeOuterHeader,
} from './index.js';

const u8 = fc.nat({ max: 0xff });
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.nat({ max: 0xffff_ffff });
const packetNumber = fc.nat({ max: MAX_PACKET_NUMBER });

function wordsToHex(write: (words: Uint32Array, at: number) => void): string {
  const words = new Uint32Array(5).fill(0xa5a5a5a5);
  write(words, 1);
  expect([words[0], words[4]]).toEqual([0xa5a5a5a5, 0xa5a5a5a5]);
  return hex(new Uint8Array(words.buffer, 4, 12));
}

function nonceHex(pathId: number, number: number): string {
  const bytes = new Uint8Array(14).fill(0xa5);
  writeNonce(bytes, 1, pathId, number);
  expect([bytes[0], bytes[13]]).toEqual([0xa5, 0xa5]);
  return hex(bytes.subarray(1, 13));
}

describe('outer header', () => {
  it.each(transportVectors.outer)('golden $hex', ({ pathId, packetNumber, receiver, hex: bytes }) => {
    expect(wordsToHex((words, at) => writeOuterHeader(words, at, pathId, packetNumber, receiver))).toBe(bytes);
    const read = fromHex(`ff${bytes}`);
    expect(read[1]).toBe(DATAGRAM_TRANSPORT);
    expect([outerPathId(read, 1), outerPacketNumber(read, 1), outerReceiver(read, 1)]).toEqual([
      pathId,
      packetNumber,
      receiver,
    ]);
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(u8, packetNumber, u32, (pathId, number, receiver) => {
        const words = new Uint32Array(3);
        writeOuterHeader(words, 0, pathId, number, receiver);
        const bytes = new Uint8Array(words.buffer);
        expect([outerPathId(bytes, 0), outerPacketNumber(bytes, 0), outerReceiver(bytes, 0)]).toEqual([
          pathId,
          number,
          receiver,
        ]);
      }),
    );
  });
});

describe('inner header', () => {
  it.each(transportVectors.inner)('golden $hex', ({ kind, flags, flow, sequence, stamp, hex: bytes }) => {
    expect(wordsToHex((words, at) => writeInnerHeader(words, at, kind, flags, flow, sequence, stamp))).toBe(bytes);
    const read = fromHex(`ff${bytes}`);
    expect([
      innerKind(read, 1),
      innerFlags(read, 1),
      innerFlow(read, 1),
      innerSequence(read, 1),
      innerStamp(read, 1),
    ]).toEqual([kind, flags, flow, sequence, stamp]);
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(u8, u8, u16, u32, u32, (...header) => {
        const words = new Uint32Array(3);
        writeInnerHeader(words, 0, ...header);
        const bytes = new Uint8Array(words.buffer);
        expect([
          innerKind(bytes, 0),
          innerFlags(bytes, 0),
          innerFlow(bytes, 0),
          innerSequence(bytes, 0),
          innerStamp(bytes, 0),
        ]).toEqual(header);
      }),
    );
  });

  it('holds class and hash of a flow', () => {
    expect(flowId(15, -1)).toBe(0xffff);
    expect(flowClass(flowId(9, 0x12345678))).toBe(9);
    expect(flowId(9, 0x12345678) & 0xfff).toBe(0x678);
  });
});

describe('nonce', () => {
  it.each(transportVectors.nonce)('golden $hex', ({ pathId, packetNumber, hex: bytes }) => {
    expect(nonceHex(pathId, packetNumber)).toBe(bytes);
  });

  it('differs for every path and packet number', () => {
    fc.assert(
      fc.property(u8, packetNumber, u8, packetNumber, (pathA, numberA, pathB, numberB) => {
        const same = pathA === pathB && numberA === numberB;
        expect(nonceHex(pathA, numberA) === nonceHex(pathB, numberB)).toBe(same);
      }),
    );
  });
});

describe('a whole transport datagram', () => {
  it.each(transportVectors.sealed)('golden: $name', (vector) => {
    const { pathId, packetNumber, receiver, kind, flags, flow, sequence, stamp } = vector;
    const outer = wordsToHex((words, at) => writeOuterHeader(words, at, pathId, packetNumber, receiver));
    const inner = wordsToHex((words, at) => writeInnerHeader(words, at, kind, flags, flow, sequence, stamp));
    const nonce = nonceHex(pathId, packetNumber);
    expect([outer, inner, nonce]).toEqual([vector.outerHex, vector.innerHex, vector.nonce]);

    const plaintext = fromHex(inner + vector.payload);
    const options = { authTagLength: 16 };
    const cipher =
      vector.cipher === 1
        ? createCipheriv('chacha20-poly1305', fromHex(vector.key), fromHex(nonce), options)
        : createCipheriv('aes-256-gcm', fromHex(vector.key), fromHex(nonce), options);
    cipher.setAAD(fromHex(outer), { plaintextLength: plaintext.length });
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    expect(outer + sealed.toString('hex')).toBe(vector.datagram);
    expect(vector.datagram.length / 2).toBe(vector.payload.length / 2 + OVERHEAD_BYTES);
  });
});

describe('serial numbers', () => {
  it.each([
    [5, 3, 2],
    [3, 5, -2],
    [0, 0xffff_ffff, 1],
    [0xffff_ffff, 0, -1],
    [0x7fff_ffff, 0, 0x7fff_ffff],
    [0x8000_0001, 2, 0x7fff_ffff],
  ])('from %i back to %i is %i', (a, b, distance) => {
    expect(serialDistance(a, b)).toBe(distance);
  });

  it('stamps wrap at 32 bits', () => {
    expect(stampOf(2 ** 32 + 17.9)).toBe(17);
    expect(serialDistance(stampOf(2 ** 33 + 5), stampOf(2 ** 33 - 5))).toBe(10);
  });
});
