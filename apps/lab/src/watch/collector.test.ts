import type { DirectionStatus, PathStatus, PeerStatus } from '@corridor/tunnel';
import { beforeEach, describe, expect, it } from 'vitest';
import { openDrive } from '../demo/drive.js';
import type { FlowFigures, LabEvent, LabFace } from '../face.js';
import { Collector } from './collector.js';
import { Demo } from './demo.js';

const LINKS = ['w0', 'w1', 'w2'];
const delay = { p50Us: 21_000, p95Us: 30_000, p99Us: 35_000, maxUs: 50_000 };

function direction(change: Partial<DirectionStatus> = {}): DirectionStatus {
  return { delayVariationUs: 0, jitterUs: 0, lossRatio: 0, rateBps: 1e6, packets: 0, bytes: 0, lost: 0, ...change };
}

function path(name: string, change: Partial<PathStatus> = {}): PathStatus {
  return {
    id: LINKS.indexOf(name),
    name,
    kind: 'udp',
    state: 'up',
    reason: 'answers',
    sinceUs: 1_000_000,
    blocked: false,
    remote: '203.0.113.10:4510',
    rttUs: 48_000,
    minRttUs: 40_000,
    maxDatagramBytes: 1_472,
    mtu: 1_400,
    rttVarUs: 1_000,
    priority: 1,
    metered: false,
    roaming: false,
    capReached: false,
    send: direction(),
    receive: direction({ lossRatio: 0.02 }),
    ...change,
  };
}

/** What of the lab's face the live view uses, with every call written down. */
class FakeLab {
  readonly vehicles = 3;
  readonly calls: string[] = [];
  tell: (event: LabEvent) => void = () => {};
  paths = LINKS.map((name) => path(name));
  answers = true;
  flow: Partial<FlowFigures> = { sent: 1_000, received: 998 };

  linkNames = () => LINKS;
  cut = (vehicle: number, link: string) => void this.calls.push(`cut ${vehicle} ${link}`);
  restore = (vehicle: number, link: string) => void this.calls.push(`restore ${vehicle} ${link}`);
  setPolicy = async (vehicle: number, policy: { default: { strategy: string } }) =>
    void this.calls.push(`policy ${vehicle} ${policy.default.strategy}`);
  restartGateway = async () => void this.calls.push('restart gateway');
  on = (_kind: 'event', listener: (event: LabEvent) => void) => {
    this.tell = listener;
  };
  status = async () => (this.answers ? this.peer() : undefined);
  gatewayStatus = async () => [this.peer(), this.peer()];
  flows = async () => [{ id: 7, longestGapUs: 42_000, recent: { longestGapUs: 20_000, delay }, ...this.flow }];

  private peer(): PeerStatus {
    const classes = ['vitals', 'video', 'default'].map((name) => ({
      name,
      strategy: 'smallest-delay',
      mode: 'single',
      paths: ['w1', 'w0'],
    }));
    const peer = { session: 'established', establishedAtUs: 0, cipher: 'aes-256-gcm', paths: this.paths, classes };
    return peer as unknown as PeerStatus;
  }
}

let lab: FakeLab;
let collector: Collector;
let demo: Demo;
let nowMs: number;

beforeEach(() => {
  lab = new FakeLab();
  nowMs = 10_000;
  const face = lab as unknown as LabFace;
  collector = new Collector(face, new Map([['w1', 'Mobilnetz']]), 'status', () => nowMs, 4_000);
  demo = new Demo(face, collector, openDrive(1, 3));
});

describe('the collector', () => {
  it('turns what the tunnels say into rows: figures, active link, operator, keys', async () => {
    await collector.sample();
    const view = collector.view();
    expect(view.gateway).toEqual({ state: 'up', sessions: 2 });
    expect(view.elapsedMs).toBe(6_000);
    expect(view.vehicles.flatMap((vehicle) => vehicle.links.map((link) => link.key)).join('')).toBe('123456789');
    expect(view.vehicles[2].links[1]).toMatchObject({
      name: 'w1',
      operator: 'Mobilnetz',
      state: 'up',
      rttMs: 48,
      lossRatio: 0.02,
      upBps: 1e6,
      carries: ['vitals', 'video', 'default'],
      stateMs: 9_000,
    });
  });

  it('shows figures of a dead link as unknown and a silent vehicle as without session', async () => {
    lab.paths = [path('w0', { state: 'down', reason: 'silent' })];
    await collector.sample();
    expect(collector.view().vehicles[0].links[0]).toMatchObject({ state: 'down', reason: 'silent', rttMs: Number.NaN });
    expect(collector.view().vehicles[0].links[1].state).toBe('absent');
    lab.answers = false;
    await collector.sample();
    expect(collector.view().vehicles[0]).toMatchObject({ session: 'none' });
  });

  it('counts a packet as lost only when it had three seconds to arrive', async () => {
    collector.addApp(0, 'vitals', 'vitals', 7);
    const lost = async () => {
      await collector.sample();
      const [app] = collector.view().vehicles[0].apps;
      return app.kind === 'flow' ? app.lost : undefined;
    };
    expect(await lost()).toBe(0);
    nowMs += 3_500;
    lab.flow = { sent: 1_200, received: 999 };
    expect(await lost()).toBe(1);
    expect(collector.view().vehicles[0].apps[0]).toMatchObject({ delayMs: 21, longestGapMs: 42, paths: ['w1', 'w0'] });
  });

  it("keeps a vehicle's events, newest first, and leaves the gateway's own view of them out", () => {
    const event = {
      type: 'path-state',
      peer: '',
      path: 'w0',
      pathId: 0,
      from: 'up',
      to: 'down',
      reason: 'silent',
    } as const;
    lab.tell({ by: 1, event: { ...event, atUs: 5_000_000 } });
    lab.tell({ by: 1, event: { ...event, atUs: 6_000_000, from: 'down', to: 'gated' } });
    lab.tell({ by: 'gateway', event: { ...event, atUs: 7_000_000 } });
    expect(collector.view().vehicles[1].events.map(({ atMs }) => atMs)).toEqual([2_000, 1_000]);
    expect(collector.view().vehicles[1].events[1].text).toBe('w0 up → down: silent');
  });
});

describe('the keys', () => {
  it('cut and restore the link that their number stands at', async () => {
    expect(await demo.onKey('6')).toMatch(/w2 of vehicle-1 is cut/);
    expect(collector.view().vehicles[1].links[2].cut).toBe(true);
    expect(await demo.onKey('6')).toMatch(/w2 of vehicle-1 is back/);
    expect(lab.calls).toEqual(['cut 1 w2', 'restore 1 w2']);
  });

  it('cut the active link of every vehicle once, and bring everything back', async () => {
    expect(await demo.onKey('a')).toBe('no active link to cut');
    await collector.sample();
    await demo.onKey('a');
    await demo.onKey('a');
    await demo.onKey('r');
    expect(lab.calls).toEqual([0, 1, 2].map((v) => `cut ${v} w1`).concat([0, 1, 2].map((v) => `restore ${v} w1`)));
  });

  it('change the strategy of all vehicles and go round', async () => {
    for (const strategy of ['active-standby', 'redundant', 'smallest-delay']) {
      expect(await demo.onKey('s')).toMatch(strategy);
    }
    expect(lab.calls.slice(0, 3)).toEqual([0, 1, 2].map((vehicle) => `policy ${vehicle} active-standby`));
  });

  it('restart the gateway, and mean nothing otherwise', async () => {
    const restarted = demo.onKey('g');
    expect(collector.view().gateway.state).toBe('restarting');
    expect(await demo.onKey('g')).toMatch(/already/);
    await restarted;
    expect(collector.view().gateway.state).not.toBe('restarting');
    expect(await demo.onKey('x')).toBeUndefined();
    expect(lab.calls).toEqual(['restart gateway']);
  });
});

describe('the drive', () => {
  it('repeats for one seed, keeps vehicles apart and never leaves the lap', () => {
    const [one, same, other] = [openDrive(1, 3), openDrive(1, 3), openDrive(2, 3)];
    expect(one.at(1, 60e6)).toEqual(same.at(1, 60e6));
    expect(one.at(1, 60e6)).not.toEqual(other.at(1, 60e6));
    for (let second = 0; second < 2_000; second += 13) {
      const { place, links } = one.at(second % 3, second * 1e6);
      expect(place.progress).toBeGreaterThanOrEqual(0);
      expect(place.progress).toBeLessThanOrEqual(1);
      expect(links.map(({ name }) => name)).toEqual(LINKS);
    }
    expect(Math.max(...one.at(0, 0).place.coverage)).toBeGreaterThan(0.6);
  });
});
