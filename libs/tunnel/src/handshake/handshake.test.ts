import { encodeOffer, encodeUtf8, initiationDatagram, MAC_BYTES, PROLOGUE } from '@corridor/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOTH, GATEWAY_INSTANCE, HandshakePair, SOURCE, VEHICLE_INSTANCE } from '../../test/handshake-pair.js';
import { testPrimitives as primitives } from '../../test/node-primitives.js';
import { addressRecord } from '../address.js';
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305 } from '../primitives.js';
import { type Established, VehicleHandshake } from './index.js';
import { mac, mac1Key } from './macs.js';
import { IkInitiator } from './noise-ik.js';

const SECOND = 1_000_000;

/** An initiation with a valid mac1 around any payload, as another implementation might send it. */
function foreignInitiation(pair: HandshakePair, payload: Uint8Array, index = 5): Uint8Array {
  const noise = new IkInitiator(primitives, pair.vehicleKey, pair.gatewayPublic, encodeUtf8(PROLOGUE));
  return stamped(pair, initiationDatagram(index, noise.writeMessage1(pair.random(32), payload)));
}

/** Sets mac1 right. */
function stamped(pair: HandshakePair, datagram: Uint8Array): Uint8Array {
  const at = datagram.length - 2 * MAC_BYTES;
  datagram.set(mac(primitives, mac1Key(primitives, pair.gatewayPublic), datagram.subarray(0, at)), at);
  return datagram;
}

describe('a handshake', () => {
  it('gives both ends the same keys, indices and cipher', () => {
    const pair = new HandshakePair();
    const { datagram, established: gateway } = pair.respond(pair.initiation(0x11111111), 0x22222222);
    const vehicle = pair.consume(datagram) as Established;
    expect(vehicle).toEqual({
      localIndex: 0x11111111,
      remoteIndex: 0x22222222,
      cipher: CIPHER_AES_256_GCM,
      peerInstance: GATEWAY_INSTANCE,
      sendKey: gateway.receiveKey,
      receiveKey: gateway.sendKey,
    });
    expect([gateway.localIndex, gateway.remoteIndex]).toEqual([0x22222222, 0x11111111]);
    expect([gateway.cipher, gateway.peerInstance]).toEqual([CIPHER_AES_256_GCM, VEHICLE_INSTANCE]);
    expect(gateway.sendKey).not.toEqual(gateway.receiveKey);
    expect(pair.vehicle.pending).toBe(false);
  });

  it('tells the gateway who calls', () => {
    const pair = new HandshakePair();
    const answer = pair.receive(pair.initiation());
    expect(answer.kind === 'initiation' && answer.initiation).toMatchObject({
      peer: 'rtw-1',
      publicKey: pair.vehiclePublic,
      remoteIndex: 1,
    });
  });

  it('gives other keys every time', () => {
    const pair = new HandshakePair();
    const first = pair.respond(pair.initiation(1)).established;
    const second = pair.respond(pair.initiation(2)).established;
    expect(first.sendKey).not.toEqual(second.sendKey);
    expect(first.receiveKey).not.toEqual(second.receiveKey);
  });

  it('completes with any of the last eight attempts, and then forgets the others', () => {
    const pair = new HandshakePair();
    const responses = Array.from({ length: 9 }, (_, i) => pair.respond(pair.initiation(i + 1), 100 + i).datagram);
    expect(pair.consume(responses[0])).toBe('no-handshake');
    expect(pair.consume(responses[1])).toMatchObject({ localIndex: 2, remoteIndex: 101 });
    expect(pair.consume(responses[8])).toBe('no-handshake');
  });

  it('has no datagram before it began or after it was abandoned', () => {
    const { vehicle } = new HandshakePair();
    expect(() => vehicle.datagram(0, 0)).toThrow('no handshake is under way');
    vehicle.begin(1, BOTH, VEHICLE_INSTANCE);
    vehicle.abandon();
    expect(() => vehicle.datagram(0, 0)).toThrow('no handshake is under way');
  });
});

describe('cipher negotiation', () => {
  it.each([
    [
      [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305],
      [CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM],
      CIPHER_AES_256_GCM,
    ],
    [[CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM], BOTH, CIPHER_CHACHA20_POLY1305],
    [[CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305], [CIPHER_CHACHA20_POLY1305], CIPHER_CHACHA20_POLY1305],
  ] as const)('of %j and a gateway with %j takes %i', (offered, own, chosen) => {
    const pair = new HandshakePair({ gatewayCiphers: own });
    const { datagram, established } = pair.respond(pair.initiation(1, offered));
    expect(established.cipher).toBe(chosen);
    expect(pair.consume(datagram)).toMatchObject({ cipher: chosen });
  });

  it('skips ciphers that the gateway has never heard of', () => {
    const pair = new HandshakePair();
    const offer = encodeOffer({
      version: 1,
      senderIndex: 5,
      instance: VEHICLE_INSTANCE,
      ciphers: [77, CIPHER_CHACHA20_POLY1305],
    });
    const answer = pair.receive(foreignInitiation(pair, offer));
    expect(answer.kind === 'initiation' && answer.initiation.cipher).toBe(CIPHER_CHACHA20_POLY1305);
  });

  it('without a common cipher is refused, and the vehicle is told', () => {
    const pair = new HandshakePair({ gatewayCiphers: [CIPHER_CHACHA20_POLY1305] });
    const answer = pair.receive(pair.initiation(1, [CIPHER_AES_256_GCM]));
    expect(answer).toMatchObject({ kind: 'reply', reason: 'cipher' });
    expect(answer.kind === 'reply' && pair.consume(answer.datagram)).toBe('cipher');
    expect(pair.vehicle.pending).toBe(false);
  });

  it('refuses a protocol version that the gateway does not speak, and the vehicle is told', () => {
    const pair = new HandshakePair();
    const noise = new IkInitiator(primitives, pair.vehicleKey, pair.gatewayPublic, encodeUtf8(PROLOGUE));
    const offer = encodeOffer({ version: 2, senderIndex: 5, instance: VEHICLE_INSTANCE, ciphers: [1] });
    const datagram = stamped(pair, initiationDatagram(5, noise.writeMessage1(pair.random(32), offer)));
    const answer = pair.receive(datagram);
    if (answer.kind !== 'reply') throw new Error('no reply');
    expect(answer.reason).toBe('version');
    // Version 1, status 1 (bad version), no cipher.
    const opened = noise.readMessage2(answer.datagram.subarray(8, answer.datagram.length - MAC_BYTES));
    expect(Array.from(opened?.payload.subarray(0, 4) ?? [])).toEqual([1, 0, 1, 0]);
  });
});

describe('the gateway stays silent', () => {
  it('to every tampered byte of an initiation before mac2, which is looked at under load only', () => {
    const pair = new HandshakePair();
    const datagram = pair.initiation();
    for (let at = 0; at < datagram.length - MAC_BYTES; at++) {
      const tampered = datagram.slice();
      tampered[at] ^= 1;
      expect(pair.receive(tampered)).toEqual({ kind: 'silent', reason: at < 4 ? 'malformed' : 'bad-mac' });
    }
  });

  it('to every tampered byte even when mac1 is right, and follows the real one after all of them', () => {
    const pair = new HandshakePair();
    const datagram = pair.initiation();
    for (let at = 4; at < datagram.length - 2 * MAC_BYTES; at++) {
      const tampered = datagram.slice();
      tampered[at] ^= 1;
      const reason = at < 8 ? 'malformed' : 'not-authentic';
      expect(pair.receive(stamped(pair, tampered))).toEqual({ kind: 'silent', reason });
    }
    expect(pair.receive(datagram).kind).toBe('initiation');
  });

  it('to a key that nobody registered', () => {
    const pair = new HandshakePair();
    const stranger = pair.newVehicle(pair.random(32));
    expect(pair.receive(pair.initiation(1, BOTH, stranger))).toEqual({ kind: 'silent', reason: 'unknown-key' });
  });

  it('to one who names a registered key without having it', () => {
    const pair = new HandshakePair();
    const stranger = pair.random(32);
    const lying = { ...primitives, x25519PublicKey: claim(pair.vehiclePublic, stranger) };
    const vehicle = new VehicleHandshake(lying, pair.random, stranger, pair.gatewayPublic);
    expect(pair.receive(pair.initiation(1, BOTH, vehicle))).toEqual({ kind: 'silent', reason: 'not-authentic' });
  });

  it('to one who means another gateway', () => {
    const pair = new HandshakePair();
    const elsewhere = pair.newVehicle(pair.vehicleKey, primitives.x25519PublicKey(pair.random(32)));
    expect(pair.receive(pair.initiation(1, BOTH, elsewhere))).toEqual({ kind: 'silent', reason: 'bad-mac' });
  });

  it('to index 0 and to payloads without sense', () => {
    const pair = new HandshakePair();
    const offer = (senderIndex: number) =>
      encodeOffer({ version: 1, senderIndex, instance: VEHICLE_INSTANCE, ciphers: [1] });
    const malformed = { kind: 'silent', reason: 'malformed' };
    expect(pair.receive(foreignInitiation(pair, offer(0), 0))).toEqual(malformed);
    expect(pair.receive(foreignInitiation(pair, offer(5), 6))).toEqual(malformed);
    expect(pair.receive(foreignInitiation(pair, offer(5), 5)).kind).toBe('initiation');
    expect(pair.receive(foreignInitiation(pair, new Uint8Array(0)))).toEqual(malformed);
    expect(pair.receive(foreignInitiation(pair, new Uint8Array(16)))).toEqual(malformed);
  });

  it('to arbitrary bytes, without throwing', () => {
    const pair = new HandshakePair();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 4 }), (bytes, type) => {
        if (bytes.length >= 4) bytes.set([type, 0, 0, 0]);
        expect(pair.receive(bytes).kind).toBe('silent');
        const { vehicle } = pair;
        expect(typeof vehicle.consumeResponse(bytes, 0, bytes.length)).toBe('string');
        expect(vehicle.consumeCookieReply(bytes, 0, bytes.length, 0, 0)).not.toBe('ok');
      }),
      { numRuns: 500 },
    );
  });
});

describe('an initiation that comes again', () => {
  it('gets the same response for a while: one attempt over three paths is one session', () => {
    const pair = new HandshakePair();
    const datagram = pair.initiation();
    const response = pair.respond(datagram).datagram;
    const again = pair.receive(datagram, 4 * SECOND, addressRecord(Uint8Array.of(198, 51, 100, 7), 9));
    expect(again).toEqual({ kind: 'reply', datagram: response, reason: 'repeated' });
  });

  it('is not followed any more after five seconds, whoever plays the recording', () => {
    const pair = new HandshakePair();
    const datagram = pair.initiation();
    pair.respond(datagram);
    expect(pair.receive(datagram, 5 * SECOND)).toEqual({ kind: 'silent', reason: 'replayed' });
    expect(pair.receive(datagram, 1e6 * SECOND)).toEqual({ kind: 'silent', reason: 'replayed' });
  });

  it('counts as the same with another mac2', () => {
    const pair = new HandshakePair();
    const datagram = pair.initiation();
    pair.respond(datagram);
    datagram.fill(0x55, datagram.length - MAC_BYTES);
    expect(pair.receive(datagram)).toMatchObject({ kind: 'reply', reason: 'repeated' });
  });

  it('does not hand the attacker keys: the vehicle ignores a response to a finished attempt', () => {
    const pair = new HandshakePair();
    const { datagram } = pair.respond(pair.initiation());
    expect(typeof pair.consume(datagram)).toBe('object');
    expect(pair.consume(datagram)).toBe('no-handshake');
  });
});

describe('the vehicle', () => {
  it('ignores every tampered byte of a response and then takes the real one', () => {
    const pair = new HandshakePair();
    const { datagram } = pair.respond(pair.initiation());
    for (let at = 0; at < datagram.length; at++) {
      const tampered = datagram.slice();
      tampered[at] ^= 1;
      expect(pair.consume(tampered)).toBe(at < 4 ? 'malformed' : at < 8 ? 'no-handshake' : 'bad-mac');
    }
    expect(pair.consume(datagram)).toMatchObject({ localIndex: 1 });
  });

  it('ignores them also when mac1 is right', () => {
    const pair = new HandshakePair();
    const { datagram } = pair.respond(pair.initiation());
    const key = mac1Key(primitives, pair.vehiclePublic);
    const macAt = datagram.length - MAC_BYTES;
    for (let at = 4; at < macAt; at++) {
      const tampered = datagram.slice();
      tampered[at] ^= 1;
      tampered.set(mac(primitives, key, tampered.subarray(0, macAt)), macAt);
      expect(pair.consume(tampered)).toBe(at < 8 ? 'no-handshake' : 'not-authentic');
    }
    expect(pair.consume(datagram)).toMatchObject({ localIndex: 1 });
  });

  it('does not take a response that was meant for another vehicle', () => {
    const pair = new HandshakePair();
    const other = pair.newVehicle(pair.random(32));
    pair.initiation(1, BOTH, other);
    expect(pair.consume(pair.respond(pair.initiation()).datagram, other)).toBe('bad-mac');
  });
});

describe('under load', () => {
  /** A gateway that is under load after one initiation, and has had it. */
  function loadedPair(): HandshakePair {
    const pair = new HandshakePair({ initiationsPerSecond: 1 });
    pair.respond(pair.initiation(999));
    pair.vehicle.abandon();
    return pair;
  }

  function cookieReply(pair: HandshakePair, datagram: Uint8Array, nowUs = 0, source = SOURCE): Uint8Array {
    const answer = pair.receive(datagram, nowUs, source);
    if (answer.kind !== 'reply') throw new Error(`no cookie: ${answer.kind}`);
    expect(answer.reason).toBe('cookie');
    expect(answer.datagram.length).toBe(64);
    return answer.datagram;
  }

  it('asks for a cookie, and follows the same attempt once it shows it', () => {
    const pair = loadedPair();
    const reply = cookieReply(pair, pair.initiation());
    expect(pair.vehicle.consumeCookieReply(reply, 0, reply.length, 0, 0)).toBe('ok');
    const { datagram } = pair.respond(pair.vehicle.datagram(0, 0));
    expect(pair.consume(datagram)).toMatchObject({ localIndex: 1 });
  });

  it('cookies are good for the address and port that they were given to', () => {
    const pair = loadedPair();
    const reply = cookieReply(pair, pair.initiation());
    pair.vehicle.consumeCookieReply(reply, 0, reply.length, 0, 0);
    const shown = pair.vehicle.datagram(0, 0);
    for (const other of [
      addressRecord(Uint8Array.of(203, 0, 113, 9), 40_001),
      addressRecord(new Uint8Array(16), 40_000),
    ]) {
      expect(pair.receive(shown, 0, other)).toMatchObject({ kind: 'reply', reason: 'cookie' });
    }
    expect(pair.receive(shown).kind).toBe('initiation');
  });

  it('cookies are kept by path', () => {
    const pair = loadedPair();
    const reply = cookieReply(pair, pair.initiation());
    pair.vehicle.consumeCookieReply(reply, 0, reply.length, 3, 0);
    expect(pair.receive(pair.vehicle.datagram(0, 0)).kind).toBe('reply');
    expect(pair.receive(pair.vehicle.datagram(3, 0)).kind).toBe('initiation');
    pair.vehicle.forgetPath(3);
    expect(Array.from(pair.vehicle.datagram(3, 0).subarray(-MAC_BYTES))).toEqual(new Array(MAC_BYTES).fill(0));
  });

  it('cookies outlive one change of the secret and not two', () => {
    const pair = new HandshakePair({ initiationsPerSecond: 0 });
    const reply = cookieReply(pair, pair.initiation(), 119 * SECOND);
    pair.vehicle.consumeCookieReply(reply, 0, reply.length, 0, 119 * SECOND);
    const shown = pair.vehicle.datagram(0, 119 * SECOND);
    // The secret changes at 130 s and at 260 s, when somebody calls.
    const stranger = (nowUs: number) => cookieReply(pair, foreignInitiation(pair, new Uint8Array(1)), nowUs);
    stranger(130 * SECOND);
    expect(pair.receive(shown.with(-1, 0), 130 * SECOND)).toMatchObject({ reason: 'cookie' });
    stranger(260 * SECOND);
    expect(pair.receive(shown, 260 * SECOND)).toMatchObject({ reason: 'cookie' });

    const other = new HandshakePair({ initiationsPerSecond: 0 });
    const second = cookieReply(other, other.initiation(), 119 * SECOND);
    other.vehicle.consumeCookieReply(second, 0, second.length, 0, 119 * SECOND);
    expect(other.receive(other.vehicle.datagram(0, 130 * SECOND), 130 * SECOND).kind).toBe('initiation');
  });

  it('the vehicle stops using a cookie after two minutes', () => {
    const pair = loadedPair();
    const reply = cookieReply(pair, pair.initiation());
    pair.vehicle.consumeCookieReply(reply, 0, reply.length, 0, 0);
    const mac2 = (nowUs: number) =>
      pair.vehicle
        .datagram(0, nowUs)
        .subarray(-MAC_BYTES)
        .some((byte) => byte !== 0);
    expect(mac2(119 * SECOND)).toBe(true);
    expect(mac2(120 * SECOND)).toBe(false);
  });

  it('the vehicle takes no cookie that was tampered with, answers another attempt, or nobody asked for', () => {
    const pair = loadedPair();
    const reply = cookieReply(pair, pair.initiation());
    for (let at = 8; at < reply.length; at++) {
      const tampered = reply.slice();
      tampered[at] ^= 1;
      expect(pair.vehicle.consumeCookieReply(tampered, 0, tampered.length, 0, 0)).toBe('not-authentic');
    }
    const wrongIndex = reply.slice();
    wrongIndex[4] ^= 1;
    expect(pair.vehicle.consumeCookieReply(wrongIndex, 0, 64, 0, 0)).toBe('no-handshake');
    pair.vehicle.abandon();
    pair.initiation(1);
    expect(pair.vehicle.consumeCookieReply(reply, 0, 64, 0, 0)).toBe('not-authentic');
  });

  it('limits how often one source is followed, IPv6 by its /64', () => {
    const pair = new HandshakePair({ initiationsPerSecond: 0 });
    const source = addressRecord(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), 5);
    const neighbour = source.slice();
    neighbour[23] = 99;
    const attempt = (nowUs: number, from: Uint8Array, index: number) => {
      const reply = cookieReply(pair, pair.initiation(index), nowUs, from);
      pair.vehicle.consumeCookieReply(reply, 0, reply.length, 0, nowUs);
      const answer = pair.receive(pair.vehicle.datagram(0, nowUs), nowUs, from);
      pair.vehicle.abandon();
      pair.vehicle.forgetPath(0);
      return answer.kind === 'silent' ? answer.reason : answer.kind;
    };
    const outcomes = Array.from({ length: 21 }, (_, i) => attempt(0, i % 2 === 0 ? source : neighbour, i + 1));
    expect(outcomes.filter((outcome) => outcome === 'initiation').length).toBe(20);
    expect(outcomes[20]).toBe('rate-limited');
    expect(attempt(SECOND / 20, source, 50)).toBe('initiation');
    expect(attempt(SECOND / 20, source, 51)).toBe('rate-limited');
    expect(attempt(SECOND / 20, SOURCE, 52)).toBe('initiation');
  });

  it('ends when the initiations do', () => {
    const pair = loadedPair();
    expect(pair.receive(pair.initiation(1), 0.9 * SECOND)).toMatchObject({ reason: 'cookie' });
    expect(pair.receive(pair.initiation(2), 1.5 * SECOND)).toMatchObject({ reason: 'cookie' });
    expect(pair.receive(pair.initiation(3), 3.1 * SECOND).kind).toBe('initiation');
  });

  it('looks at a flood only so far, and is there again right after it', () => {
    const pair = new HandshakePair({ initiationsPerSecond: 1 });
    const reasons = new Map<string, number>();
    const flood = (datagram: Uint8Array, count: number) => {
      for (let i = 0; i < count; i++) {
        const answer = pair.receive(datagram);
        const name = answer.kind === 'initiation' ? answer.kind : answer.reason;
        reasons.set(name, (reasons.get(name) ?? 0) + 1);
      }
    };
    pair.receive(pair.initiation(1));
    flood(pair.initiation(2), 1000);
    const bad = pair.initiation(3);
    bad[20] ^= 1;
    flood(bad, 2000);
    // A tenth of a second's worth of each: 400 cookie replies, 2,000 mac1 checks in all.
    expect(Object.fromEntries(reasons)).toEqual({ cookie: 400, 'rate-limited': 600 + 1001, 'bad-mac': 999 });
    expect(pair.receive(pair.initiation(4), 0.01 * SECOND)).toMatchObject({ reason: 'cookie' });
    expect(pair.receive(pair.initiation(5), 3 * SECOND).kind).toBe('initiation');
  });

  it('a flood without valid mac1 is no load', () => {
    const pair = new HandshakePair({ initiationsPerSecond: 1 });
    const bad = pair.initiation(1);
    bad[20] ^= 1;
    for (let i = 0; i < 1000; i++) pair.receive(bad);
    expect(pair.receive(pair.initiation(2)).kind).toBe('initiation');
  });
});

describe('a hundred thousand datagrams of every bad kind', () => {
  it('are survived by both ends, and the next handshake works', () => {
    const pair = new HandshakePair();
    const initiation = pair.initiation(1);
    const { datagram: response } = pair.respond(initiation, 2);
    pair.vehicle.abandon();
    pair.initiation(3);
    const templates = [initiation, response, new Uint8Array(64).fill(3, 0, 1), new Uint8Array(200)];
    const counts = { silent: 0, reply: 0, initiation: 0 };
    let seed = 12345;
    const below = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % limit;
    };
    for (let i = 0; i < 100_000; i++) {
      const bytes = templates[below(templates.length)].slice();
      for (let flips = below(4); flips > 0; flips--) bytes[below(bytes.length)] ^= 1 << below(8);
      const length = below(3) === 0 ? below(bytes.length + 1) : bytes.length;
      counts[pair.receive(bytes.subarray(0, length), i * 10).kind]++;
      expect(typeof pair.vehicle.consumeResponse(bytes, 0, length)).toBe('string');
      expect(pair.vehicle.consumeCookieReply(bytes, 0, length, below(4), i * 10)).not.toBe('ok');
    }
    // Nothing but the untouched initiation draws an answer, the one that it got before.
    expect(counts.initiation).toBe(0);
    expect(counts.reply).toBeGreaterThan(1000);
    expect(counts.silent).toBe(100_000 - counts.reply);
    const last = pair.vehicle.datagram(0, 2 * SECOND);
    expect(pair.consume(pair.respond(last, 9, 2 * SECOND).datagram)).toMatchObject({ localIndex: 3, remoteIndex: 9 });
  });
});

/** x25519PublicKey that claims another public key for one private key. */
function claim(publicKey: Uint8Array, of: Uint8Array): (privateKey: Uint8Array) => Uint8Array {
  return (privateKey) => (privateKey === of ? publicKey : primitives.x25519PublicKey(privateKey));
}
