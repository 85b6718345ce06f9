import { MetricFrame, readDocument } from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DirectionLike, frameOf, type PathLike, type PeerLike } from './frame.js';

const DIRECTION: DirectionLike = {
  delayVariationUs: 900.4,
  jitterUs: 350.6,
  lossRatio: 0.001249,
  rateBps: 18_250_000.7,
  packets: 120_345,
  bytes: 98_234_567,
  lost: 140,
};
const PATH: PathLike = {
  id: 3,
  name: 'wwan0',
  state: 'up',
  reason: 'probes answered',
  blocked: false,
  metered: true,
  rttUs: 41_200.5,
  minRttUs: 38_100,
  send: DIRECTION,
  receive: DIRECTION,
};
const PEER: PeerLike = {
  session: 'established',
  establishedAtUs: 5_000_000,
  policyVersion: 4,
  paths: [PATH],
  classes: [{ name: 'default', strategy: 'active-standby', paths: ['wwan0'] }],
  counters: {
    packetsSent: 10,
    packetsDelivered: 9,
    bytesSent: 8,
    bytesDelivered: 7,
    copiesSent: 6,
    replaysSent: 5,
  },
};

describe('a frame', () => {
  it('has the figures of the tunnel, rounded', () => {
    const frame = frameOf(PEER, 17_345_678);
    expect(frame.tunnel).toEqual({
      session: 'established',
      establishedSeconds: 12.3,
      ...PEER.counters,
      policyVersion: 4,
    });
    expect(frame.paths[0]).toEqual({
      name: 'wwan0',
      state: 'up',
      reason: 'probes answered',
      rttUs: 41_201,
      minRttUs: 38_100,
      blocked: false,
      metered: true,
      send: { ...DIRECTION, delayVariationUs: 900, jitterUs: 351, lossRatio: 0.0012, rateBps: 18_250_001 },
      receive: { ...DIRECTION, delayVariationUs: 900, jitterUs: 351, lossRatio: 0.0012, rateBps: 18_250_001 },
    });
    expect(frame).not.toHaveProperty('position');
    expect(frame).not.toHaveProperty('process');
  });

  it('tells what an uplink is like where there is something to tell', () => {
    const roaming = { ...PATH, roaming: true, capReached: true, signal: 0.62346 };
    const uplinks = [{ name: 'wwan0', usedBytes: 4.2e9, capBytes: 4e9 }, { name: 'eth0' }];
    const plain = { ...PATH, id: 4, name: 'eth0', roaming: false, capReached: false };
    const frame = frameOf({ ...PEER, paths: [roaming, plain] }, 6_000_000, { uplinks });
    expect(frame.paths[0]).toMatchObject({
      roaming: true,
      capReached: true,
      signal: 0.6235,
      usedBytes: 4_200_000_000,
      capBytes: 4_000_000_000,
    });
    for (const key of ['roaming', 'capReached', 'signal', 'usedBytes']) expect(frame.paths[1]).not.toHaveProperty(key);
    expect(readDocument(MetricFrame, JSON.stringify(frame))).toEqual({ ok: true, value: frame });
  });

  it('has paths over TLS under names of their own, with the data of their uplink', () => {
    const udp = { ...PATH, kind: 'udp' } as const;
    const tls = { ...PATH, id: 4, name: 'wwan0/tls', kind: 'tls' } as const;
    const classes = [{ name: 'default', strategy: 'adaptive', paths: ['wwan0/tls', 'wwan0'] }];
    const uplinks = [{ name: 'wwan0', usedBytes: 1e9, capBytes: 4e9 }];
    const frame = frameOf({ ...PEER, paths: [udp, tls], classes }, 6_000_000, { uplinks });
    expect(frame.paths[0]).not.toHaveProperty('kind');
    expect(frame.paths[1]).toMatchObject({ name: 'wwan0/tls', kind: 'tls', usedBytes: 1e9, capBytes: 4e9 });
    expect(frame.classes[0].paths).toEqual(['wwan0/tls', 'wwan0']);
    expect(readDocument(MetricFrame, JSON.stringify(frame))).toEqual({ ok: true, value: frame });
    const [odd] = frameOf({ ...PEER, paths: [{ ...tls, name: 'wwan0/tls/tls' }] }, 6_000_000).paths;
    expect(odd.name).toBe('path-4');
  });

  it('says for how long the session stands only while it does', () => {
    expect(frameOf({ ...PEER, session: 'handshaking' }, 17_000_000).tunnel.establishedSeconds).toBe(0);
    expect(frameOf(PEER, 4_000_000).tunnel.establishedSeconds).toBe(0);
  });

  it('takes position and process along', () => {
    const position = { latitude: 48.1, longitude: 11.5 };
    const frame = frameOf(PEER, 6_000_000, { position, process: { rssBytes: 1e6 + 0.5, cpuRatio: 1.23456 } });
    expect(frame.position).toBe(position);
    expect(frame.process).toEqual({ rssBytes: 1_000_001, cpuRatio: 1.2346 });
  });

  it('of three paths is small enough for a second of radio', () => {
    const paths = ['wwan0', 'wwan1', 'sat0'].map((name) => ({ ...PATH, name }));
    expect(JSON.stringify(frameOf({ ...PEER, paths }, 17_000_000)).length).toBeLessThan(1_700);
  });

  it('is valid whatever the estimates and the other end say', () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0));
    const direction = fc.record({
      delayVariationUs: number,
      jitterUs: number,
      lossRatio: number,
      rateBps: number,
      packets: number,
      bytes: number,
      lost: number,
    });
    const path = fc.record({
      id: fc.nat(),
      name: fc.string({ maxLength: 40 }),
      state: fc.constantFrom('up', 'gated', 'down'),
      reason: fc.string({ maxLength: 400 }),
      blocked: fc.boolean(),
      metered: fc.boolean(),
      rttUs: number,
      minRttUs: number,
      send: direction,
      receive: direction,
    });
    const trafficClass = fc.record({
      name: fc.string({ maxLength: 50 }),
      strategy: fc.string({ maxLength: 90 }),
      paths: fc.array(fc.string({ maxLength: 20 })),
    });
    fc.assert(
      fc.property(
        fc.array(path, { maxLength: 40 }),
        fc.array(trafficClass, { maxLength: 20 }),
        fc.nat(),
        (paths, classes, atUs) => {
          const text = JSON.stringify(frameOf({ ...PEER, paths, classes }, atUs));
          expect(readDocument(MetricFrame, text)).toMatchObject({ ok: true });
        },
      ),
    );
  });
});
