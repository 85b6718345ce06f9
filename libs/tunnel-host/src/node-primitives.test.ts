import { readFileSync } from 'node:fs';
import { GatewayHandshake, VehicleHandshake } from '@corridor/tunnel';
import { describe, expect, it } from 'vitest';
import { nodeRandom, nodeHandshakePrimitives as primitives } from './node-primitives.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array | undefined) => (data === undefined ? undefined : Buffer.from(data).toString('hex'));
const text = (value: string) => new Uint8Array(Buffer.from(value));

describe("the handshake's primitives", () => {
  it('X25519 agrees with RFC 7748 sections 5.2 and 6.1', () => {
    const scalar = bytes('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
    const point = bytes('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
    const product = 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552';
    expect(hex(primitives.x25519(scalar, point))).toBe(product);
    const bob = bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
    const bobPublic = 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f';
    expect(hex(primitives.x25519PublicKey(bob))).toBe(bobPublic);
  });

  it('X25519 answers undefined for low-order points', () => {
    const key = nodeRandom(32);
    expect(primitives.x25519(key, new Uint8Array(32))).toBeUndefined();
    const order8 = bytes('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800');
    expect(primitives.x25519(key, order8)).toBeUndefined();
  });

  it('BLAKE2s agrees with RFC 7693 appendix B, in parts too', () => {
    const digest = '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982';
    expect(hex(primitives.blake2s(text('abc')))).toBe(digest);
    expect(hex(primitives.blake2s(text('a'), text(''), text('bc')))).toBe(digest);
  });

  it('HMAC is RFC 2104 over it', () => {
    const key = nodeRandom(32);
    const pad = (value: number) => new Uint8Array(64).map((_, i) => (i < 32 ? key[i] : 0) ^ value);
    const inner = primitives.blake2s(pad(0x36), text('message'));
    expect(primitives.hmacBlake2s(key, text('mess'), text('age'))).toEqual(primitives.blake2s(pad(0x5c), inner));
  });

  it('ChaCha20-Poly1305 agrees with RFC 8439 section 2.8.2', () => {
    const key = bytes('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
    const nonce = bytes('070000004041424344454647');
    const associated = bytes('50515253c0c1c2c3c4c5c6c7');
    const plaintext = text(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const sealed = primitives.chachaSeal(key, nonce, associated, plaintext);
    expect(hex(sealed.subarray(0, 16))).toBe('d31a8d34648e60db7b86afbc53ef7ec2');
    expect(hex(sealed.subarray(-16))).toBe('1ae10b594f09e26a7e902ecbd0600691');
    expect(primitives.chachaOpen(key, nonce, associated, sealed)).toEqual(plaintext);
    sealed[3] ^= 1;
    expect(primitives.chachaOpen(key, nonce, associated, sealed)).toBeUndefined();
    expect(primitives.chachaOpen(key, nonce, associated, sealed.subarray(0, 15))).toBeUndefined();
  });

  it('answers plain arrays of their own, not views into a pool', () => {
    for (const array of [nodeRandom(32), primitives.blake2s(text('x')), primitives.x25519PublicKey(nodeRandom(32))]) {
      expect(Object.getPrototypeOf(array)).toBe(Uint8Array.prototype);
      expect(array.buffer.byteLength).toBe(array.length);
    }
  });

  it('make the golden handshake', () => {
    const url = new URL('../../tunnel/vectors/handshake.json', import.meta.url);
    const golden = JSON.parse(readFileSync(url, 'utf8')) as Record<string, string>;
    const vehicle = new VehicleHandshake(
      primitives,
      () => bytes(golden.vehicleEphemeral),
      bytes(golden.vehiclePrivate),
      bytes(golden.gatewayPublic),
    );
    vehicle.begin(Number(golden.vehicleIndex), [2, 1], bytes(golden.vehicleInstance));
    expect(hex(vehicle.datagram(0, 0))).toBe(golden.initiation);
    const gateway = new GatewayHandshake({
      primitives,
      random: nodeRandom,
      privateKey: bytes(golden.gatewayPrivate),
      ciphers: [1],
      lookup: (key) => hex(key),
    });
    const initiation = bytes(golden.initiation);
    const answer = gateway.receive(initiation, 0, initiation.length, new Uint8Array(40), 0, 0);
    if (answer.kind !== 'initiation') throw new Error(answer.reason);
    const { datagram } = gateway.respond(answer.initiation, 1, new Uint8Array(8));
    expect(vehicle.consumeResponse(datagram, 0, datagram.length)).toMatchObject({ cipher: 1 });
  });
});
