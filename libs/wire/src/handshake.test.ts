import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANSWER_NO_COMMON_CIPHER,
  cookieReplyDatagram,
  decodeAnswer,
  decodeOffer,
  encodeAnswer,
  encodeOffer,
  handshakeIndex,
  initiationDatagram,
  isCookieReply,
  isInitiation,
  isResponse,
  responseDatagram,
} from './index.js';

const u32 = fc.nat({ max: 0xffff_ffff });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('handshake datagrams', () => {
  it('are told apart by type and length', () => {
    const initiation = initiationDatagram(0xfffffffe, new Uint8Array(110));
    const response = responseDatagram(0x80000000, new Uint8Array(60));
    const cookie = cookieReplyDatagram(9, new Uint8Array(24), new Uint8Array(32));
    const shapes = (bytes: Uint8Array) => [
      isInitiation(bytes, 0, bytes.length),
      isResponse(bytes, 0, bytes.length),
      isCookieReply(bytes, 0, bytes.length),
    ];
    expect(shapes(initiation)).toEqual([true, false, false]);
    expect(shapes(response)).toEqual([false, true, false]);
    expect(shapes(cookie)).toEqual([false, false, true]);
    expect(handshakeIndex(initiation, 0)).toBe(0xfffffffe);
    expect(handshakeIndex(response, 0)).toBe(0x80000000);
    expect(handshakeIndex(cookie, 0)).toBe(9);
  });

  it('with reserved bytes set, too short or too long are none', () => {
    const initiation = initiationDatagram(1, new Uint8Array(110));
    for (const at of [1, 2, 3]) {
      const bad = initiation.slice();
      bad[at] = 1;
      expect(isInitiation(bad, 0, bad.length)).toBe(false);
    }
    expect(isInitiation(initiation, 0, 135)).toBe(false);
    expect(isInitiation(initiationDatagram(1, new Uint8Array(480)), 0, 520)).toBe(false);
    expect(isCookieReply(cookieReplyDatagram(9, new Uint8Array(24), new Uint8Array(32)), 0, 63)).toBe(false);
  });

  it('answers are never longer than the question: no amplification', () => {
    const offer = encodeOffer({ version: 1, senderIndex: 1, instance: new Uint8Array(8), ciphers: [1] });
    const answer = encodeAnswer({ version: 1, status: 0, cipher: 1, senderIndex: 1, instance: new Uint8Array(8) });
    const initiation = initiationDatagram(1, new Uint8Array(32 + 48 + offer.length + 16));
    expect(responseDatagram(1, new Uint8Array(32 + answer.length + 16)).length).toBeLessThan(initiation.length);
    expect(cookieReplyDatagram(1, new Uint8Array(24), new Uint8Array(32)).length).toBeLessThan(initiation.length);
  });
});

describe('handshake payloads', () => {
  it('offers and answers are read back as they were written', () => {
    const version = fc.nat({ max: 0xffff });
    const u8 = fc.nat({ max: 0xff });
    const ciphers = fc.array(u8, { minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(fc.record({ version, senderIndex: u32, instance: bytesOf(8), ciphers }), (offer) => {
        expect(decodeOffer(encodeOffer(offer))).toEqual(offer);
      }),
    );
    fc.assert(
      fc.property(fc.record({ version, status: u8, cipher: u8, senderIndex: u32, instance: bytesOf(8) }), (answer) => {
        expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
      }),
    );
  });

  it('ignore what a later version appends', () => {
    const offer = { version: 2, senderIndex: 5, instance: new Uint8Array(8).fill(3), ciphers: [2, 1] };
    expect(decodeOffer(Uint8Array.of(...encodeOffer(offer), 1, 2, 3))).toEqual(offer);
    const answer = {
      version: 2,
      status: ANSWER_NO_COMMON_CIPHER,
      cipher: 0,
      senderIndex: 0,
      instance: new Uint8Array(8),
    };
    expect(decodeAnswer(Uint8Array.of(...encodeAnswer(answer), 9))).toEqual(answer);
  });

  it('decoding never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const offer = decodeOffer(bytes);
        if (offer !== undefined) expect(encodeOffer(offer).length).toBeLessThanOrEqual(bytes.length);
        const answer = decodeAnswer(bytes);
        if (answer !== undefined) expect(encodeAnswer(answer)).toEqual(bytes.slice(0, 16));
      }),
    );
  });
});
