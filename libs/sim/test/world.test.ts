/** The system on the virtual clock beyond the shipped scenarios: idle days, rekeying, fleets, churn, both families. */
import type { EngineEvent } from '@corridor/tunnel';
import { describe, expect, it } from 'vitest';
import { Random, type Scenario, type ScenarioStep, SimWorld, scenarioNamed, vehicleName } from '../src/index.js';
import { handshake } from './node-handshake.js';

const clean = scenarioNamed('clean');

function world(change: Partial<Scenario>, seed = 1): SimWorld {
  return new SimWorld({ ...clean, ...change }, { seed, handshake });
}

function finished(change: Partial<Scenario>, seed = 1): SimWorld {
  const made = world(change, seed);
  made.runUntil(made.scenario.durationUs);
  return made;
}

function eventsOf<T extends EngineEvent['type']>(made: SimWorld, type: T): Extract<EngineEvent, { type: T }>[] {
  return made.events
    .map(({ event }) => event)
    .filter((event): event is Extract<EngineEvent, { type: T }> => event.type === type);
}

const slowTraffic = clean.traffic.map(({ rateBps: _, ...spec }) => ({ ...spec, packetsPerSecond: 10 }));

describe('a system', () => {
  it('carries the traffic over IPv6 links as over IPv4', () => {
    for (const flow of finished({ outsideFamily: 6, durationUs: 6_000_000 }).result().flows) {
      expect(flow.sent).toBeGreaterThan(100);
      expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
    }
  });

  it('of ten vehicles keeps each to itself', () => {
    const made = finished({ vehicles: 10, durationUs: 5_000_000 });
    const { flows } = made.result();
    expect(flows.length).toBe(30);
    for (const flow of flows) expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
    expect(made.gateway?.engine.status(made.clock.nowUs).map((peer) => peer.session)).toEqual(
      Array(10).fill('established'),
    );
  });

  it('rekeys under traffic and loses nothing over it', () => {
    const made = finished({ durationUs: 400_000_000, traffic: slowTraffic });
    const rekeyed = eventsOf(made, 'session').filter(
      (event) => event.state === 'rekeyed' && event.peer === vehicleName(0),
    );
    expect(rekeyed.length).toBeGreaterThanOrEqual(3);
    for (const flow of made.result().flows)
      expect(flow).toMatchObject({ lost: 0, duplicates: 0, sent: expect.any(Number) });
  });

  it('that starts with every link dark comes up by itself when one lights up', () => {
    const dark = ['w0', 'w1', 'w2'].map((link): ScenarioStep => ({ atUs: 0, action: 'blackout', link }));
    const made = finished({
      durationUs: 45_000_000,
      traffic: clean.traffic.map((spec) => ({ ...spec, startUs: 34_000_000 })),
      steps: [...dark, { atUs: 30_000_000, action: 'restore', link: 'w2' }],
    });
    for (const flow of made.result().flows) expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
  });

  it('survives every link dark for 20 s in the middle, with the session', () => {
    const steps = (atUs: number, action: 'blackout' | 'restore') =>
      ['w0', 'w1', 'w2'].map((link): ScenarioStep => ({ atUs, action, link }));
    const made = finished({
      durationUs: 50_000_000,
      steps: [...steps(10_000_000, 'blackout'), ...steps(30_000_000, 'restore')],
    });
    for (const flow of made.result().flows) {
      // What was sent in the dark is gone; within 3 s of the light everything goes through again.
      expect(flow.longestGapUs).toBeGreaterThan(19_000_000);
      expect(flow.longestGapUs, flow.flow).toBeLessThan(23_100_000);
      expect(flow.duplicates).toBe(0);
    }
  });

  it('keeps NAT mappings alive on idle links', () => {
    const made = finished({
      links: clean.links.map((link) => ({ ...link, nat: { mappingLifetimeUs: 30_000_000 } })),
      durationUs: 600_000_000,
      traffic: clean.traffic.map((spec) => ({ ...spec, startUs: 590_000_000 })),
    });
    for (const flow of made.result().flows) expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
    expect(eventsOf(made, 'path-moved')).toEqual([]);
  });
});

describe('a modem', () => {
  it('that is pulled out and put back with the same address carries everything again, both ways', () => {
    const made = world({ durationUs: 14_000_000 });
    made.clock.schedule(3_000_000, () => made.setPlugged(0, 'w1', false));
    made.clock.schedule(4_000_000, () => made.setPlugged(0, 'w1', true));
    // The others go dark when it has had time to prove itself.
    for (const link of ['w0', 'w2']) made.clock.schedule(7_000_000, () => made.link(0, link).setBlackout(true));
    made.runUntil(made.scenario.durationUs);
    for (const flow of made.result().flows) {
      expect(flow, flow.flow).toMatchObject({ lost: 0, duplicates: 0 });
      expect(flow.longestGapUs, flow.flow).toBeLessThan(400_000);
    }
  });

  it('that comes and goes again and again leaves nothing behind', () => {
    const made = world({ durationUs: 40_000_000 });
    for (let second = 3; second < 36; second++) {
      made.clock.schedule(second * 1_000_000, () => made.setPlugged(0, 'w0', second % 2 === 0));
    }
    made.runUntil(made.scenario.durationUs);
    for (const flow of made.result().flows) expect(flow, flow.flow).toMatchObject({ lost: 0, duplicates: 0 });
    expect(eventsOf(made, 'session').filter(({ state }) => state === 'rekeyed')).toEqual([]);
  });
});

describe('churn', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'of links that break and heal at random, one at least left alone, loses nothing (seed %i)',
    (seed) => {
      const random = new Random(seed);
      const steps: ScenarioStep[] = [];
      // w2 stays; w0 and w1 go through everything that can happen to a link.
      for (const link of ['w0', 'w1']) {
        for (let atUs = 4_000_000 + random.below(1e6); atUs < 50_000_000; atUs += 3_000_000 + random.below(3e6)) {
          const direction = (['up', 'down', 'both'] as const)[random.below(3)];
          const kind = random.below(3);
          if (kind === 0) steps.push({ atUs, action: 'change-address', link });
          else if (kind === 1) steps.push({ atUs, action: 'rebind-nat', link });
          else {
            steps.push({ atUs, action: 'blackout', link, direction });
            steps.push({ atUs: atUs + 200_000 + random.below(2e6), action: 'restore', link, direction });
          }
        }
      }
      const made = finished(
        {
          durationUs: 55_000_000,
          links: clean.links.map((link) => ({ ...link, nat: {} })),
          steps: steps.sort((a, b) => a.atUs - b.atUs),
        },
        seed,
      );
      for (const flow of made.result().flows) {
        expect(flow, flow.flow).toMatchObject({ lost: 0, duplicates: 0 });
        expect(flow.longestGapUs, flow.flow).toBeLessThan(400_000);
      }
    },
  );
});

/**
 * Budget of an idle link, both directions, without IP and UDP headers. Measured: 348 kB in 5,520 datagrams on the best
 * one, which is asked once a second so that a restarted gateway is noticed; 42 kB in 690 on the second; 22 kB in 360
 * on the metered one. Raise it only with a reason.
 */
const IDLE_BYTES_PER_HOUR: Record<string, number> = { w0: 450_000, w1: 60_000, w2: 30_000 };

describe('an idle vehicle', () => {
  it('keeps its session for hours on few bytes (SIM_IDLE_HOURS, 6 unless given)', () => {
    const hours = Number(process.env.SIM_IDLE_HOURS ?? 6);
    const idleUs = hours * 3_600_000_000;
    const made = world({
      durationUs: idleUs + 10_000_000,
      links: clean.links.map((link, index) => ({ ...link, metered: index === 2 })),
      traffic: clean.traffic.map((spec) => ({ ...spec, startUs: idleUs })),
    });
    made.runUntil(idleUs);
    for (const { link, up, down } of made.result().links) {
      const bytesPerHour = (up.offeredBytes + down.offeredBytes) / hours;
      const packetsPerHour = (up.offeredPackets + down.offeredPackets) / hours;
      console.log(`idle ${link}: ${Math.round(bytesPerHour)} bytes, ${Math.round(packetsPerHour)} datagrams an hour`);
      expect(bytesPerHour, link).toBeLessThan(IDLE_BYTES_PER_HOUR[link]);
    }
    made.runUntil(made.scenario.durationUs);
    for (const flow of made.result().flows) expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
    expect(eventsOf(made, 'path-switch').filter((event) => event.atUs > 2_000_000)).toEqual([]);
  }, 120_000);
});
