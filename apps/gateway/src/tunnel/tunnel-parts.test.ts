import type { GatewayVehicle, PeerStatus } from '@corridor/tunnel';
import type { HostError } from '@corridor/tunnel-host';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forwardingWarnings } from './forwarding.js';
import { PeerSampler } from './peer-sampler.js';
import { type Supervised, TunnelSupervisor } from './tunnel-supervisor.js';
import { TunnelVehicles } from './tunnel-vehicles.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the supervisor', () => {
  class Host implements Supervised {
    closed = false;
    die: (error: HostError | undefined) => void = () => undefined;
    readonly ended = new Promise<HostError | undefined>((resolve) => {
      this.die = resolve;
    });
    async close(): Promise<void> {
      this.closed = true;
    }
  }

  function supervise(fails: () => Error | undefined = () => undefined) {
    const hosts: Host[] = [];
    const pauses: number[] = [];
    const supervisor = new TunnelSupervisor<Host>({
      start: async () => {
        const error = fails();
        if (error) throw error;
        hosts.push(new Host());
        return hosts.at(-1)!;
      },
      onUp: () => undefined,
      onDown: (_, pauseMs) => pauses.push(pauseMs),
      monotonicMs: () => Date.now(),
    });
    return { hosts, pauses, supervisor };
  }

  it('starts what dies again, with growing pauses, and without after a minute of health', async () => {
    const { hosts, pauses, supervisor } = supervise();
    await supervisor.start();
    for (let death = 0; death < 8; death++) {
      hosts.at(-1)!.die(undefined);
      await vi.advanceTimersByTimeAsync(20_000);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    await vi.advanceTimersByTimeAsync(60_000);
    hosts.at(-1)!.die(undefined);
    await vi.advanceTimersByTimeAsync(250);
    expect(pauses.at(-1)).toBe(250);
    expect(supervisor.host).toBe(hosts.at(-1));
  });

  it('leaves the first start to people, and tries later ones again', async () => {
    let broken: Error | undefined = new Error('no /dev/net/tun');
    const { hosts, pauses, supervisor } = supervise(() => broken);
    await expect(supervisor.start()).rejects.toThrow('no /dev/net/tun');
    broken = undefined;
    await supervisor.start();
    broken = new Error('port in use');
    hosts[0]!.die(undefined);
    await vi.advanceTimersByTimeAsync(800);
    expect(pauses).toEqual([250, 500, 1000]);
    broken = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(supervisor.host).toBe(hosts[1]);
  });

  it('starts nothing after its end, also when a start is under way', async () => {
    const { hosts, supervisor } = supervise();
    await supervisor.start();
    hosts[0]!.die(undefined);
    await vi.advanceTimersByTimeAsync(0);
    await supervisor.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hosts).toHaveLength(1);
  });
});

describe('the vehicles of the engine', () => {
  const vehicle = (name: string): GatewayVehicle => ({ name, publicKey: new Uint8Array(32), addresses: [] });

  class Engine {
    readonly done: string[] = [];
    running = 0;
    async #act(what: string): Promise<void> {
      expect(this.running++).toBe(0);
      await Promise.resolve();
      this.running--;
      if (what.includes('bad')) throw new Error('a route of somebody else');
      this.done.push(what);
    }
    addVehicle = ({ name }: GatewayVehicle) => this.#act(`+${name}`);
    removeVehicle = (name: string) => this.#act(`-${name}`);
  }

  it('are changed one after the other, removals first, and a mistake stops nobody else', async () => {
    const mistakes: string[] = [];
    const vehicles = new TunnelVehicles((name, { message }) => mistakes.push(`${name}: ${message}`));
    const engine = new Engine();
    vehicles.attach(engine);
    vehicles.put(vehicle('a'));
    vehicles.put(vehicle('bad'));
    vehicles.put(vehicle('b'));
    vehicles.put(vehicle('c'));
    vehicles.remove('b');
    vehicles.remove('never there');
    await vehicles.settled();
    expect(engine.done).toEqual(['+a', '-b', '+c']);
    expect(mistakes).toEqual(['bad: a route of somebody else']);
  });

  it('that change while no engine runs are changed in the next one', async () => {
    const vehicles = new TunnelVehicles(() => undefined);
    vehicles.put(vehicle('a'));
    expect(vehicles.forStart().map(({ name }) => name)).toEqual(['a']);
    vehicles.put(vehicle('b'));
    vehicles.remove('a');
    const engine = new Engine();
    vehicles.attach(engine);
    await vehicles.settled();
    expect(engine.done).toEqual(['-a', '+b']);
    vehicles.detach();
    vehicles.put(vehicle('c'));
    expect(vehicles.forStart().map(({ name }) => name)).toEqual(['b', 'c']);
  });
});

describe('the sampler', () => {
  const peers = (count: number, session: PeerStatus['session']) =>
    Array.from({ length: count }, (_, index) => ({ name: `v${index}`, session }) as PeerStatus);

  it('reads each of many peers once a second, no more than 64 at a time', async () => {
    const all = peers(150, 'established');
    const questions: [number, number][] = [];
    const seen = new Map<string, number>();
    const host = {
      peers: async (from: number, count: number) => {
        questions.push([from, count]);
        return { atUs: 0, peers: all.slice(from, from + count) };
      },
    };
    const sampler = new PeerSampler(
      () => host,
      ({ peer }) => seen.set(peer.name, (seen.get(peer.name) ?? 0) + 1),
    );
    sampler.start();
    // The first round learns how many there are.
    await vi.advanceTimersByTimeAsync(3_000);
    seen.clear();
    await vi.advanceTimersByTimeAsync(10_050);
    sampler.stop();
    expect(seen.size).toBe(150);
    for (const count of seen.values()) expect(count).toBeGreaterThanOrEqual(9);
    for (const count of seen.values()) expect(count).toBeLessThanOrEqual(11);
    expect(Math.max(...questions.map(([, count]) => count))).toBe(64);
  });

  it('says little of peers without a session, but at once that they lost it, and survives an engine that ends', async () => {
    let session: PeerStatus['session'] = 'established';
    let ends = false;
    const seen: string[] = [];
    const host = {
      peers: async () => {
        if (ends) throw new Error('closed');
        return { atUs: 0, peers: peers(1, session) };
      },
    };
    const sampler = new PeerSampler(
      () => host,
      ({ peer }) => seen.push(peer.session),
    );
    sampler.start();
    await vi.advanceTimersByTimeAsync(2_500);
    session = 'none';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toEqual(['established', 'established', 'none']);
    await vi.advanceTimersByTimeAsync(22_000);
    expect(seen).toHaveLength(5);
    ends = true;
    await vi.advanceTimersByTimeAsync(2_000);
    ends = false;
    session = 'established';
    await vi.advanceTimersByTimeAsync(1_000);
    sampler.stop();
    expect(seen.at(-1)).toBe('established');
  });
});

describe('forwarding', () => {
  it.each([
    [['192.0.2.0/24'], '0\n', ['192.0.2.0/24: net.ipv4.ip_forward']],
    [['192.0.2.0/24'], '1\n', []],
    [['192.0.2.0/24', 'fd00::/64'], '0\n', ['192.0.2.0/24: net.ipv4', 'fd00::/64: net.ipv6']],
    [['fd00::/64'], undefined, ['fd00::/64: net.ipv6.conf.all.forwarding']],
    [[], '0\n', []],
  ])('to %j with the setting %j', (routes, setting, parts) => {
    const warnings = forwardingWarnings(routes, () => setting);
    expect(warnings).toHaveLength(parts.length);
    for (const [index, part] of parts.entries()) expect(warnings[index]).toContain(part);
  });
});
