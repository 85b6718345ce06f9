/** TCP on the virtual clock, through the engines: the tunnel carries it as the bare link would, and marks what it can mark. */
import { describe, expect, it } from 'vitest';
import {
  defaultPolicy,
  link,
  linkSumBps,
  runBareTcp,
  runScenario,
  type Scenario,
  type ScenarioResult,
  scenarioNamed,
  type TcpCongestion,
  tcp,
} from '../src/index.js';
import { handshake } from './node-handshake.js';

const oneLink = link('w0', { rateBps: 20e6, delayUs: 20_000 });

function oneConnection(change: Partial<Scenario>, congestion: TcpCongestion, more = {}): Scenario {
  return {
    name: 'one',
    description: 'One connection.',
    durationUs: 18_000_000,
    vehicles: 1,
    links: [oneLink],
    traffic: [{ ...tcp('up', congestion), ...more }],
    policy: defaultPolicy(),
    steps: [],
    ...change,
  };
}

function tcpOf({ flows }: ScenarioResult, at = 0) {
  const flow = flows.filter(({ kind }) => kind === 'tcp')[at];
  if (flow?.tcp === undefined || flow.rateBps === undefined) throw new Error('no tcp flow');
  return { ...flow, rateBps: flow.rateBps, tcp: flow.tcp };
}

describe('one connection over one link', () => {
  it.each([
    ['cubic', 'up'],
    ['cubic', 'down'],
    ['bbr', 'up'],
    ['bbr', 'down'],
  ] as const)('%s %s gets at least 0.9 of what the bare link gives', (congestion, direction) => {
    const scenario = oneConnection({}, congestion, { direction });
    const inside = tcpOf(runScenario(scenario, { seed: 1, handshake }));
    const [bare] = runBareTcp(oneLink, [tcp(direction, congestion)], { seed: 1, durationUs: 15_000_000 });
    // 40 bytes of Corridor around 1,400 cost 3 %.
    expect(inside.rateBps / (bare.rateBps ?? 0)).toBeGreaterThan(0.9);
    expect(inside.tcp.timeouts).toBe(0);
  });

  it('is marked instead of dropped where it speaks ECN', () => {
    const scenario = oneConnection({}, 'cubic', { ecn: true });
    const { tcp: detail, rateBps } = tcpOf(runScenario(scenario, { seed: 1, handshake }));
    expect(detail.congestionMarks).toBeGreaterThan(0);
    expect(detail.retransmitted).toBe(0);
    expect(rateBps).toBeGreaterThan(0.85 * 20e6);
  });

  it('is the same run for the same seed', () => {
    const run = (seed: number) =>
      JSON.stringify(runScenario(oneConnection({ durationUs: 5_000_000 }, 'bbr'), { seed, handshake }));
    expect(run(3)).toBe(run(3));
    expect(run(3)).not.toBe(run(4));
  });
});

describe('aggregation on the virtual clock', () => {
  it('the links of the scenarios carry 35 and 100 Mbit/s together', () => {
    expect(linkSumBps(scenarioNamed('aggregate-cubic-up'), 'up')).toBe(35e6);
    expect(linkSumBps(scenarioNamed('aggregate-equal-bbr-down'), 'down')).toBe(100e6);
  });

  it('while the first falls to a tenth from 10 to 18 s they carry 18 Mbit/s less', () => {
    const sumBps = (fromS: number, toS: number) =>
      linkSumBps(scenarioNamed('aggregate-drop-bbr-up'), 'up', fromS * 1e6, toS * 1e6);
    expect([sumBps(0, 10), sumBps(12, 14), sumBps(18, 20), sumBps(7, 27)]).toEqual([35e6, 17e6, 35e6, 27.8e6]);
  });
});
