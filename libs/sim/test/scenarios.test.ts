/**
 * The shipped scenarios on the virtual clock, over many seeds: exact losses and bounds on gaps. SIM_SEEDS=200 runs
 * more of them; the figures are printed.
 */
import { describe, expect, it } from 'vitest';
import {
  linksOf,
  predict,
  runScenario,
  type Scenario,
  type ScenarioResult,
  SimWorld,
  scenarioNamed,
  scenarios,
} from '../src/index.js';
import { handshake } from './node-handshake.js';

const SEEDS = Array.from({ length: Number(process.env.SIM_SEEDS ?? 6) }, (_, index) => 1_000 + index);

function flowOf(result: ScenarioResult, name: string) {
  const flow = result.flows.find((candidate) => candidate.flow === name);
  if (flow === undefined) throw new Error(`no flow ${name} in ${result.scenario}`);
  return flow;
}

function predictions(name: string) {
  const figures = predict(scenarioNamed(name), SEEDS, { handshake });
  for (const { flow, runs, lost, duplicates, longestGapMedianUs, longestGapP99Us } of figures) {
    const ms = (us: number) => (us / 1000).toFixed(1);
    console.log(
      `${name} ${flow}: ${runs} runs, longest gap median ${ms(longestGapMedianUs)} ms, p99 ${ms(longestGapP99Us)} ms, lost ${lost}, twice ${duplicates}`,
    );
  }
  return new Map(figures.map((figure) => [figure.flow, figure]));
}

/** Traffic of a `single` strategy goes on within this after its path went silent: must show 3 of the issue. */
const GAP_MEDIAN_US = 120_000;
const GAP_P99_US = 250_000;

describe('failover', () => {
  it.each([
    'blackout-active-standby',
    'blackout-smallest-delay',
    'blackout-up-only',
    'blackout-down-only',
    'address-change',
    'nat-rebind',
  ])('%s: nothing lost, nothing twice, gaps within bounds', (name) => {
    for (const figure of predictions(name).values()) {
      expect(figure).toMatchObject({ lost: 0, duplicates: 0 });
      expect(figure.longestGapMedianUs, figure.flow).toBeLessThan(GAP_MEDIAN_US);
      expect(figure.longestGapP99Us, figure.flow).toBeLessThan(GAP_P99_US);
    }
  });

  it('blackout-redundant: nothing lost, and hardly noticed', () => {
    const figures = predictions('blackout-redundant');
    for (const figure of figures.values()) expect(figure).toMatchObject({ lost: 0, duplicates: 0 });
    // The interval of the flow plus the difference of the two best delays.
    expect(figures.get('vitals up')?.longestGapMaxUs).toBeLessThanOrEqual(35_000);
    expect(figures.get('vitals down')?.longestGapMaxUs).toBeLessThanOrEqual(35_000);
    expect(figures.get('video up')?.longestGapMaxUs).toBeLessThanOrEqual(15_000);
  });

  it('policy-switch: nothing lost, nothing twice, no gap beyond the difference of the delays', () => {
    for (const figure of predictions('policy-switch').values()) {
      expect(figure).toMatchObject({ lost: 0, duplicates: 0 });
      expect(figure.longestGapMaxUs, figure.flow).toBeLessThan(60_000);
    }
  });

  it('gateway-restart: sessions are back within 3 s, and every flow goes on', () => {
    for (const figure of predictions('gateway-restart').values()) {
      expect(figure.longestGapMaxUs, figure.flow).toBeLessThan(3_000_000);
      // What the hospital sends while no gateway runs is beyond the tunnel.
      if (figure.flow.endsWith('up')) expect(figure.lost, figure.flow).toBe(0);
      // What the killed gateway delivered without living to say so comes again: a round trip's worth of a flow at most.
      expect(figure.duplicates / figure.runs, figure.flow).toBeLessThan(40);
    }
  });

  it.each([
    ['blackout-active-standby', ['vehicle-0', 'gateway']],
    ['blackout-smallest-delay', ['vehicle-0', 'gateway']],
    ['blackout-redundant', ['vehicle-0', 'gateway']],
    ['blackout-up-only', ['vehicle-0']],
    ['blackout-down-only', ['gateway']],
  ])('%s: the link is left, and used again within 2 s of its repair', (name, ends) => {
    const scenario = scenarioNamed(name);
    const repairUs = scenario.steps.find((step) => step.action === 'restore')?.atUs as number;
    for (const seed of SEEDS.slice(0, 5)) {
      const { switches } = runScenario(scenario, { seed, handshake });
      for (const end of ends) {
        expect(pathsAt(switches, end, repairUs), `${end} before the repair, seed ${seed}`).not.toContain('w0');
        expect(pathsAt(switches, end, repairUs + 2_000_000), `${end} after it, seed ${seed}`).toContain('w0');
      }
    }
  });
});

/** The paths on which an end sends the default class at a time. */
function pathsAt(switches: ScenarioResult['switches'], by: string, atUs: number): readonly string[] {
  const events = switches.filter((reported) => reported.by === by && reported.event.atUs <= atUs);
  const last = events.at(-1)?.event;
  return last?.type === 'path-switch' ? last.to : [];
}

describe('conditions', () => {
  it('clean: nothing lost, nothing twice, nothing moved, no gap but jitter of the queue', () => {
    for (const seed of SEEDS.slice(0, 5)) {
      const result = runScenario(scenarioNamed('clean'), { seed, handshake });
      for (const flow of result.flows) expect(flow).toMatchObject({ lost: 0, duplicates: 0 });
      expect(flowOf(result, 'vitals up').longestGapUs).toBeLessThan(22_000);
      expect(flowOf(result, 'vitals up').delayP50Us).toBeLessThan(21_000);
      expect(flowOf(result, 'vitals up').delayP50Us).toBeGreaterThanOrEqual(20_000);
      expect(result.switches.filter(({ event }) => event.atUs > 1_500_000)).toEqual([]);
    }
  });

  it.each(['lossy', 'bursty'])('%s: copies cover it', (name) => {
    let lost = 0;
    let sent = 0;
    for (const seed of SEEDS.slice(0, 5)) {
      const { flows } = runScenario(scenarioNamed(name), { seed, handshake });
      for (const flow of flows) {
        expect(flow.duplicates, flow.flow).toBe(0);
        lost += flow.lost;
        sent += flow.sent;
      }
    }
    // Three links of 1 to 1.5 % each, on their own: a few in a million.
    expect(lost / sent).toBeLessThan(2e-5);
  });

  it.each([4, 6] as const)(
    'small-mtu over IPv%i: what fits stays on the narrow link, what does not is lost nowhere',
    (outsideFamily) => {
      // 1,300 less the headers of IP and UDP and 40 of Corridor, to a step of 8.
      const most = 1_300 - (outsideFamily === 4 ? 28 : 48) - 40;
      for (const seed of SEEDS.slice(0, 3)) {
        const world = new SimWorld({ ...scenarioNamed('small-mtu'), outsideFamily }, { seed, handshake });
        world.runUntil(world.scenario.durationUs);
        const result = world.result();
        for (const flow of result.flows) expect(flow, flow.flow).toMatchObject({ lost: 0, duplicates: 0 });
        // Only probes: three tries of the full size, some smaller ones, and one more round after ten seconds.
        expect(result.links[0].up.tooLongDrops).toBeLessThan(60);
        for (const engine of [world.vehicles[0].host.engine, world.gateway?.engine]) {
          const [peer] = engine?.status(world.clock.nowUs) ?? [];
          expect(peer.classes[0].paths).toEqual(['w0']);
          expect(peer.paths.slice(1).map((path) => path.mtu)).toEqual([1_400, 1_400]);
          expect(peer.paths[0].mtu).toBeLessThanOrEqual(most);
          expect(peer.paths[0].mtu).toBeGreaterThan(most - 8);
        }
      }
    },
  );

  it('avoid-metered: each class keeps to its links, and what must not wait does not', () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const scenario = scenarioNamed('avoid-metered');
      const world = new SimWorld(scenario, { seed, handshake });
      const meteredBytes = () => world.link(0, 'w0').result().up.offeredBytes;
      const until = (atUs: number) => {
        const before = meteredBytes();
        world.runUntil(atUs);
        return meteredBytes() - before;
      };
      until(4_000_000);
      // 4 s of vital signs are 40 kB, of video 2.5 MB.
      expect(until(8_000_000)).toBeLessThan(100_000);
      expect(until(14_000_000)).toBeGreaterThan(3e6);
      until(16_000_000);
      expect(until(20_000_000)).toBeLessThan(100_000);
      until(scenario.durationUs);
      for (const flow of world.result().flows) expect(flow, flow.flow).toMatchObject({ lost: 0, duplicates: 0 });
    }
  });

  it('drive: vital signs arrive', () => {
    const result = runScenario(scenarioNamed('drive'), { seed: 1, handshake });
    const up = flowOf(result, 'vitals up');
    expect(up.lost / up.sent).toBeLessThan(0.001);
    expect(up.duplicates).toBe(0);
  }, 60_000);
});

describe('every scenario', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s is sound JSON', (_, scenario) => {
    expect(JSON.parse(JSON.stringify(scenario))).toEqual(scenario);
    expect(scenario.name).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(scenario.steps.map((step) => step.atUs)).toEqual(
      scenario.steps.map((step) => step.atUs).sort((a, b) => a - b),
    );
    for (const step of scenario.steps) {
      expect(step.atUs).toBeLessThan(scenario.durationUs);
      if ('link' in step) expect(linksOf(scenario, 0).map((link) => link.name)).toContain(step.link);
    }
  });

  it('is the same run for the same seed, and another for another', () => {
    const short: Scenario = { ...scenarioNamed('bursty'), durationUs: 4_000_000 };
    const run = (seed: number) => JSON.stringify(runScenario(short, { seed, handshake }));
    expect(run(3)).toBe(run(3));
    expect(run(3)).not.toBe(run(4));
  });
});
