/** A fast link is all but blocked for 300 ms, as millimetre waves are by a lorry, and a slow one beside it works on. */
import { describe, expect, it } from 'vitest';
import {
  type DirectionSpec,
  defaultPolicy,
  goodputBps,
  link,
  type Scenario,
  SimWorld,
  type TrafficSpec,
  tcp,
} from '../src/index.js';
import { handshake } from './node-handshake.js';

const STEP_US = 100_000;
/** Steps of the profile before and during the blockage. */
const OPEN = 80;
const SHUT = 3;
const START_US = 2_000_000;

const fast: DirectionSpec = {
  rateProfile: {
    stepUs: STEP_US,
    bps: [...Array(OPEN).fill(60e6), ...Array(SHUT).fill(1.2e6), ...Array(40).fill(60e6)],
  },
  delayUs: 8_000,
  queueBytes: 1_000_000,
};
const slow: DirectionSpec = { rateBps: 12e6, delayUs: 20_000 };

function run(traffic: TrafficSpec) {
  const scenario: Scenario = {
    name: 'stuck',
    description: 'A fast link is blocked for 300 ms.',
    durationUs: 12_000_000,
    vehicles: 1,
    links: [link('w0', fast), link('w1', slow, { priority: 2 })],
    traffic: [traffic],
    policy: defaultPolicy(),
    steps: [],
  };
  const world = new SimWorld(scenario, { seed: 1, handshake });
  world.runUntil(scenario.durationUs);
  const [peer] = world.vehicles[0].host.engine.status(scenario.durationUs);
  return { flow: world.result().flows[0], counters: peer.counters };
}

describe('a link that carries next to nothing for 300 ms', () => {
  it('holds up no TCP stream: what stands there comes over the other link, each packet once', () => {
    const { flow, counters } = run({ ...tcp('up', 'cubic'), startUs: START_US, stopUs: 11_000_000 });
    if (flow.tcp === undefined) throw new Error('no TCP');
    const shutUs = OPEN * STEP_US - START_US;
    // The slow link carries 11.2 Mbit/s of TCP. Without help 7.4 arrive in order, of what went over it before.
    expect(goodputBps(flow.tcp, shutUs + STEP_US, shutUs + SHUT * STEP_US)).toBeGreaterThan(10e6);
    expect(flow.tcp.timeouts).toBe(0);
    // 60 Mbit/s for 35 ms were under way.
    expect(counters.replaysSent).toBeGreaterThan(100);
    expect(counters.replaysSent).toBeLessThan(350);
  });
});
