/**
 * The gateway process dies and is back a second later, with all links and with some of them cut: what the vehicle sent
 * within the replay horizon arrives, and the replay does not flood the link.
 */
import { describe, expect, it } from 'vitest';
import { linksOf, type Scenario, type ScenarioStep, SimWorld, scenarioNamed } from '../src/index.js';
import { handshake } from './node-handshake.js';

const scenario = scenarioNamed('gateway-restart');
const DOWN_US = 1_000_000;
/** Most that a killed gateway delivers without saying so: what is one way and one acknowledgement delay old. */
const UNSAID_US = 45_000 + 5_000;
/** Of the fastest link, with what an acknowledgement may wait. */
const ROUND_TRIP_US = 50_000;
const SEEDS = [1, 2, 3, 4];

/** The gateway is killed at slightly different moments; `cut` links are dark from `leadUs` before it. */
function restarted(seed: number, cut: readonly string[], leadUs: number, change: Partial<Scenario> = {}) {
  const atUs = 5_000_000 + seed * 7_300;
  const steps: ScenarioStep[] = [
    ...cut.map((link): ScenarioStep => ({ atUs: atUs - leadUs, action: 'blackout', link })),
    { atUs, action: 'restart-gateway', downUs: DOWN_US },
  ];
  steps.sort((a, b) => a.atUs - b.atUs);
  return { atUs, world: new SimWorld({ ...scenario, durationUs: 10_000_000, steps, ...change }, { seed, handshake }) };
}

/** The most bytes that were offered within any window of this length. */
function largestWithin(offered: readonly { atUs: number; bytes: number }[], windowUs: number): number {
  let first = 0;
  let inWindow = 0;
  let largest = 0;
  for (const one of offered) {
    inWindow += one.bytes;
    while (offered[first].atUs < one.atUs - windowUs) inWindow -= offered[first++].bytes;
    largest = Math.max(largest, inWindow);
  }
  return largest;
}

function flowsOf(world: SimWorld) {
  const [vitals, video, down] = world.result().flows;
  return { vitals, video, down };
}

describe('after a restart of the gateway', () => {
  it.each([
    { cut: [], leadUs: 0 },
    { cut: ['w0'], leadUs: 2_000_000 },
    { cut: ['w0', 'w1'], leadUs: 2_000_000 },
    { cut: ['w1', 'w2'], leadUs: 0 },
    { cut: ['w0'], leadUs: -DOWN_US - 100_000 },
  ])('with $cut cut $leadUs us before, nothing that the vehicle sent is lost', ({ cut, leadUs }) => {
    for (const seed of SEEDS) {
      const { atUs, world } = restarted(seed, cut, leadUs);
      world.runUntil(world.scenario.durationUs);
      const { vitals, video, down } = flowsOf(world);
      expect(vitals.lost, `vital signs, seed ${seed}`).toBe(0);
      expect(video.lost, `video, seed ${seed}`).toBe(0);
      expect(vitals.duplicates).toBeLessThanOrEqual(1 + (UNSAID_US * 50) / 1e6);
      expect(video.duplicates).toBeLessThanOrEqual(1 + (UNSAID_US * 5e6) / 8 / 1_200 / 1e6);
      // While no gateway runs nobody takes what the hospital sends.
      expect(down.lost).toBeLessThanOrEqual((DOWN_US * 50) / 1e6 + 1);
      expect(down.duplicates).toBe(0);
      // A round trip and the longest pause between two initiations after the gateway is there again.
      const back = world.events.find(
        ({ by, event }) => by !== 'gateway' && event.type === 'session' && event.atUs > atUs,
      );
      expect(back?.event.atUs).toBeLessThan(atUs + DOWN_US + 600_000);
    }
  });

  it('the replay goes as fast as the link carries it, and overflows nothing', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { atUs, world } = restarted(seed, [], 0);
      const offered: { atUs: number; bytes: number }[] = [];
      for (const { name } of linksOf(scenario, 0)) {
        const { up } = world.link(0, name);
        const offer = up.offer.bind(up);
        up.offer = (nowUs, bytes) => {
          if (world.events.some(({ by, event }) => by !== 'gateway' && event.type === 'session' && event.atUs > atUs))
            offered.push({ atUs: nowUs, bytes });
          return offer(nowUs, bytes);
        };
      }
      world.runUntil(world.scenario.durationUs);
      // Vital signs and video with Corridor's 40 bytes, bytes a second; probes and acknowledgements take a tenth.
      const trafficRate = 50 * 240 + (5e6 / 8 / 1_200) * 1_240;
      const burst = 16 * 1_240;
      const linkRate = 20e6 / 8;
      // While the rate is being found it doubles each round trip: for up to one the link is offered twice what it carries.
      const most = (windowUs: number) => (linkRate * (windowUs + ROUND_TRIP_US)) / 1e6 + burst;
      const soon = largestWithin(offered, ROUND_TRIP_US);
      expect(soon, `seed ${seed}`).toBeLessThan(most(ROUND_TRIP_US));
      expect(largestWithin(offered, 250_000), `seed ${seed}`).toBeLessThan(most(250_000));
      // It was a replay worth pacing.
      expect(soon).toBeGreaterThan((2 * trafficRate * ROUND_TRIP_US) / 1e6);
      for (const { up } of world.result().links) expect(up.queueDrops).toBe(0);
    }
  });

  it('links of 10 Mbit/s, twice the traffic, take the replay too', () => {
    const slow = { rateBps: 10e6 };
    const links = scenario.links.map((link) => ({
      ...link,
      up: { ...link.up, ...slow },
      down: { ...link.down, ...slow },
    }));
    for (const seed of SEEDS) {
      const { world } = restarted(seed, [], 0, { links, durationUs: 14_000_000 });
      world.runUntil(world.scenario.durationUs);
      const { vitals, video } = flowsOf(world);
      expect([vitals.lost, video.lost], `seed ${seed}`).toEqual([0, 0]);
    }
  });

  it('vital signs of a class of their own go out before the video', () => {
    const vital = { name: 'vital', match: [{ dscp: [46] }], strategy: 'active-standby' };
    const { world } = restarted(1, [], 0, { policy: { ...scenario.policy, classes: [vital] } });
    world.runUntil(world.scenario.durationUs);
    const { vitals, video } = flowsOf(world);
    expect([vitals.lost, video.lost]).toEqual([0, 0]);
    // The oldest waited for the gateway; the newest of the replayed video waited as long as the replay took, half of it.
    expect(vitals.delayP95Us).toBeLessThan(video.delayP95Us);
  });

  it('a second restart during the replay loses nothing but what the first one took with it', () => {
    for (const seed of SEEDS) {
      const { atUs } = restarted(seed, [], 0);
      const { world } = restarted(seed, [], 0, {
        steps: [
          { atUs, action: 'restart-gateway', downUs: 600_000 },
          { atUs: atUs + 1_050_000, action: 'restart-gateway', downUs: 600_000 },
        ],
      });
      world.runUntil(world.scenario.durationUs);
      const { vitals, video } = flowsOf(world);
      expect([vitals.lost, video.lost], `seed ${seed}`).toEqual([0, 0]);
      expect(video.duplicates).toBeLessThanOrEqual(2 * (1 + (3 * UNSAID_US * 5e6) / 8 / 1_200 / 1e6));
    }
  });
});
