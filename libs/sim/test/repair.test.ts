/** Forward repair through both engines: what is lost on one link comes back in repairs over the other. */
import type { Plan, StrategyFactory } from '@corridor/strategy';
import type { PeerCounters } from '@corridor/tunnel';
import { describe, expect, it } from 'vitest';
import { type Scenario, type ScenarioResult, SimWorld, type TrafficSpec } from '../src/index.js';
import { handshake } from './node-handshake.js';

/** Everything on the first link, and so many repair bytes per byte on the second. */
const repairing = (repair: number): StrategyFactory => ({
  name: 'repairing',
  description: 'Sends on the first path, repairs on the others.',
  create: () => ({
    plan: ({ paths }): Plan => ({
      mode: 'single',
      paths: [...paths].sort((a, b) => a.priority - b.priority).map(({ id }) => id),
      reason: 'as the test wants it',
      ...(repair > 0 && { repair }),
    }),
  }),
});

const video: TrafficSpec = { kind: 'video', direction: 'up', rateBps: 5e6, bytes: 1_200 };

/** Video over a link of 60 ms that loses packets on the way up, beside one of 70 ms that does not. */
function scenario(lossRatio: number): Scenario {
  const way = { rateBps: 20e6, delayUs: 60_000 };
  return {
    name: 'repair',
    description: 'Video over a long path that loses packets.',
    vehicles: 1,
    durationUs: 7_000_000,
    links: [
      { name: 'w0', priority: 1, up: { ...way, lossRatio }, down: way },
      { name: 'w1', priority: 2, up: { ...way, delayUs: 70_000 }, down: way },
    ],
    // The first flow finds out what the links carry, the second one is looked at.
    traffic: [
      { ...video, startUs: 1_000_000, stopUs: 3_000_000 },
      { ...video, startUs: 3_000_000, stopUs: 5_500_000 },
    ],
    policy: { version: 1, default: { strategy: 'repairing', redundancy: 1 }, classes: [] },
    steps: [],
  };
}

interface Run extends ScenarioResult {
  readonly sender: PeerCounters;
  readonly receiver: PeerCounters;
}

function run(lossRatio: number, repair: number): Run {
  const world = new SimWorld(scenario(lossRatio), { handshake, seed: 7, strategies: [repairing(repair)] });
  world.runUntil(world.scenario.durationUs);
  const nowUs = world.clock.nowUs;
  const [receiver] = world.gateway?.engine.status(nowUs) ?? [];
  const [sender] = world.vehicles[0].host.engine.status(nowUs);
  return { ...world.result(), sender: sender.counters, receiver: receiver.counters };
}

describe('forward repair', () => {
  it('brings back what is lost before it could be sent again', () => {
    const without = run(0.05, 0);
    const repaired = run(0.05, 0.3);
    for (const { flows } of [without, repaired]) expect(flows[1]).toMatchObject({ lost: 0, duplicates: 0 });
    // One way, 60 ms; once more, and the acknowledgement between them, if a packet has to go out again.
    expect(without.flows[1].delayP99Us).toBeGreaterThan(180_000);
    expect(repaired.flows[1].delayP99Us).toBeLessThan(110_000);
    expect(repaired.flows[1].delayP50Us).toBeLessThan(62_000);
    const lost = repaired.links[0].up.lostPackets;
    expect(repaired.receiver.packetsRepaired).toBeGreaterThan(0.7 * lost);
    expect(repaired.receiver.packetsRepaired).toBeLessThanOrEqual(lost);
  }, 30_000);

  it('costs its ratio, and nothing is repaired that was not lost', () => {
    const { flows, links, sender, receiver } = run(0, 0.3);
    expect(flows[1]).toMatchObject({ lost: 0, duplicates: 0 });
    const sent = flows[0].sent + flows[1].sent;
    expect(sender.repairsSent).toBeGreaterThan(0.27 * sent);
    expect(sender.repairsSent).toBeLessThan(0.31 * sent);
    expect(links[1].up.offeredPackets).toBeGreaterThan(sender.repairsSent);
    expect(receiver.packetsRepaired).toBe(0);
    expect(receiver.duplicatesDropped).toBe(0);
  }, 30_000);
});
