import { readFileSync } from 'node:fs';
import { encodeUtf8 } from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import { testPrimitives as primitives } from '../../test/node-primitives.js';
import { IkInitiator, IkResponder } from './noise-ik.js';
import { NOISE_NAME } from './symmetric-state.js';

interface Vector {
  name: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  messages: { payload: string; ciphertext: string }[];
}

const vector = JSON.parse(readFileSync(new URL('../../vectors/noise-ik.json', import.meta.url), 'utf8')) as Vector;
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array | undefined) => Buffer.from(data ?? []).toString('hex');
const EMPTY = new Uint8Array(0);

function initiator(): IkInitiator {
  return new IkInitiator(
    primitives,
    bytes(vector.init_static),
    bytes(vector.init_remote_static),
    bytes(vector.init_prologue),
  );
}

function responder(): IkResponder {
  const key = bytes(vector.resp_static);
  return new IkResponder(primitives, key, primitives.x25519PublicKey(key), bytes(vector.resp_prologue));
}

/** Nonce of the n-th transport message of Noise. */
function transportNonce(n: number): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce[4] = n;
  return nonce;
}

describe('Noise IK', () => {
  it('agrees with the published vector, message by message', () => {
    const [first, second, ...transport] = vector.messages;
    expect(vector.name).toBe(NOISE_NAME);
    const a = initiator();
    const b = responder();

    const message1 = a.writeMessage1(bytes(vector.init_ephemeral), bytes(first.payload));
    expect(hex(message1)).toBe(first.ciphertext);
    expect(hex(b.readStatic(message1))).toBe(hex(primitives.x25519PublicKey(bytes(vector.init_static))));
    expect(hex(b.readPayload(message1))).toBe(first.payload);

    const answer = b.writeMessage2(bytes(vector.resp_ephemeral), bytes(second.payload));
    expect(hex(answer.message)).toBe(second.ciphertext);
    const opened = a.readMessage2(answer.message);
    expect(hex(opened?.payload)).toBe(second.payload);

    const keys = { initiator: opened?.sendKey as Uint8Array, responder: answer.sendKey };
    expect(hex(opened?.receiveKey)).toBe(hex(answer.sendKey));
    expect(hex(answer.receiveKey)).toBe(hex(keys.initiator));
    transport.forEach(({ payload, ciphertext }, index) => {
      const key = index % 2 === 0 ? keys.initiator : keys.responder;
      const sealed = primitives.chachaSeal(key, transportNonce(index >> 1), EMPTY, bytes(payload));
      expect(hex(sealed)).toBe(ciphertext);
    });
  });

  it('fails with another prologue', () => {
    const key = bytes(vector.resp_static);
    const other = new IkResponder(primitives, key, primitives.x25519PublicKey(key), encodeUtf8('corridor 2'));
    expect(other.readStatic(initiator().writeMessage1(bytes(vector.init_ephemeral), EMPTY))).toBeUndefined();
  });

  it('survives forged responses and then reads the real one', () => {
    const a = initiator();
    const b = responder();
    const message1 = a.writeMessage1(bytes(vector.init_ephemeral), EMPTY);
    b.readStatic(message1);
    b.readPayload(message1);
    const { message } = b.writeMessage2(bytes(vector.resp_ephemeral), EMPTY);
    for (let at = 0; at < message.length; at++) {
      const forged = message.slice();
      forged[at] ^= 0x40;
      // X25519 ignores the highest bit of a key; any other change of a key gives another secret.
      expect(a.readMessage2(forged)).toBeUndefined();
    }
    expect(a.readMessage2(message)).toBeDefined();
  });

  it('refuses low-order points', () => {
    expect(initiator().readMessage2(new Uint8Array(48))).toBeUndefined();
    expect(responder().readStatic(new Uint8Array(96))).toBeUndefined();
    const lost = new IkInitiator(primitives, bytes(vector.init_static), new Uint8Array(32), EMPTY);
    expect(() => lost.writeMessage1(bytes(vector.init_ephemeral), EMPTY)).toThrow('not usable');
  });
});
