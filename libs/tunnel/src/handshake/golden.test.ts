import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testPrimitives as primitives } from '../../test/node-primitives.js';
import type { CipherId, RandomBytes } from '../primitives.js';
import { GatewayHandshake, VehicleHandshake } from './index.js';
import { cookieReplyKey, openCookie, sealCookie } from './macs.js';

/** Made by a second implementation in another language from docs/protocol.md. */
const golden = JSON.parse(readFileSync(new URL('../../vectors/handshake.json', import.meta.url), 'utf8')) as Record<
  string,
  string
> & { vehicleIndex: number; gatewayIndex: number; ciphers: CipherId[]; chosenCipher: number };

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const source = new Uint8Array(40);

function always(value: string): RandomBytes {
  return (length) => bytes(value).slice(0, length);
}

function vehicle(): VehicleHandshake {
  const random = always(golden.vehicleEphemeral);
  const handshake = new VehicleHandshake(primitives, random, bytes(golden.vehiclePrivate), bytes(golden.gatewayPublic));
  handshake.begin(golden.vehicleIndex, golden.ciphers, bytes(golden.vehicleInstance));
  return handshake;
}

describe('the golden handshake', () => {
  it('message by message, byte by byte', () => {
    const initiator = vehicle();
    expect(hex(initiator.datagram(0, 0))).toBe(golden.initiation);

    const gateway = new GatewayHandshake({
      primitives,
      random: always(golden.gatewayEphemeral),
      privateKey: bytes(golden.gatewayPrivate),
      ciphers: [1, 2],
      lookup: hex,
    });
    const initiation = bytes(golden.initiation);
    const answer = gateway.receive(initiation, 0, initiation.length, source, 0, 0);
    if (answer.kind !== 'initiation') throw new Error(answer.reason);
    expect(answer.initiation.peer).toBe(golden.vehiclePublic);
    const { datagram, established } = gateway.respond(
      answer.initiation,
      golden.gatewayIndex,
      bytes(golden.gatewayInstance),
    );
    expect(hex(datagram)).toBe(golden.response);
    expect([established.cipher, hex(established.sendKey), hex(established.receiveKey)]).toEqual([
      golden.chosenCipher,
      golden.gatewayToVehicleKey,
      golden.vehicleToGatewayKey,
    ]);

    expect(initiator.consumeResponse(datagram, 0, datagram.length)).toEqual({
      localIndex: golden.vehicleIndex,
      remoteIndex: golden.gatewayIndex,
      cipher: golden.chosenCipher,
      peerInstance: bytes(golden.gatewayInstance),
      sendKey: bytes(golden.vehicleToGatewayKey),
      receiveKey: bytes(golden.gatewayToVehicleKey),
    });
  });

  it('with its cookie', () => {
    const initiator = vehicle();
    const reply = bytes(golden.cookieReply);
    expect(initiator.consumeCookieReply(reply, 0, reply.length, 0, 0)).toBe('ok');
    expect(hex(initiator.datagram(0, 0))).toBe(golden.initiationWithCookie);

    const mac1 = bytes(golden.initiation).slice(-32, -16);
    const key = cookieReplyKey(primitives, bytes(golden.gatewayPublic));
    const nonce = bytes(golden.cookieNonce);
    const sealed = sealCookie(primitives, key, nonce, mac1, bytes(golden.cookie));
    expect(golden.cookieReply.endsWith(hex(nonce) + hex(sealed))).toBe(true);
    expect(openCookie(primitives, key, nonce, mac1, sealed)).toEqual(bytes(golden.cookie));
  });
});
