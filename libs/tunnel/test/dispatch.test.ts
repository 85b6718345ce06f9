/** Which path each packet takes, by plans that a test makes up: one vehicle that sends, and what its links see of it. */
import type { Plan, StrategyFactory } from '@corridor/strategy';
import { describe, expect, it } from 'vitest';
import type { UplinkConditions } from '../src/engine.js';
import type { ClassPolicy, TunnelPolicy } from '../src/policy.js';
import { ipv4 } from './packets.js';
import { MS, SECOND, World, type WorldOptions } from './world.js';

const TCP = 6;
const UDP = 17;
/** Of the packets here; control datagrams are shorter, except probes of sizes before traffic begins. */
const BYTES = 1000;
const OVERHEAD = 40;
/** Of an IPv4 header in a datagram, which begins with 0x45 and 0. */
const IPV4_AT = 24;

interface Watched {
  readonly world: World;
  /** The link of each datagram with a packet or a repair in it, in order, and when it went out. */
  readonly taken: { link: number; atUs: number; bytes: number; port: number }[];
  /** Share of them that each link got. */
  shares(): number[];
}

/** A vehicle whose default class follows `plan`, up and watched. Path ids are places of links. */
function watch(plan: Omit<Plan, 'reason'>, options: WorldOptions = {}, rules: Partial<ClassPolicy> = {}): Watched {
  const fixed: StrategyFactory = {
    name: 'fixed',
    description: 'What the test says.',
    create: () => ({ plan: () => ({ ...plan, reason: 'as the test says' }) }),
  };
  const policy: TunnelPolicy = { version: 1, default: { strategy: 'fixed', ...rules }, classes: [] };
  const world = new World({ policy, strategies: [fixed], ...options }).start();
  const taken: Watched['taken'] = [];
  const forward = world.vehicle.onDatagram;
  world.vehicle.onDatagram = (socket, to, bytes) => {
    const port = portIn(bytes);
    if (bytes.length >= BYTES) taken.push({ link: socket, atUs: world.nowUs, bytes: bytes.length, port });
    forward(socket, to, bytes);
  };
  const shares = () => world.links.map((_, i) => taken.filter(({ link }) => link === i).length / taken.length);
  return { world, taken, shares };
}

/** Source port of the packet in a datagram: the test's cipher is a pad that repeats every four bytes. */
function portIn(bytes: Uint8Array): number {
  const at = IPV4_AT + 20;
  const pad = [bytes[IPV4_AT] ^ 0x45, bytes[IPV4_AT + 1]];
  return ((bytes[at] ^ pad[0]) << 8) | (bytes[at + 1] ^ pad[1]);
}

/** A packet of a flow of its own for each port. */
function packet(number: number, protocol = UDP, port = 5000): Uint8Array {
  const payload = new Array<number>(BYTES - 20).fill(0);
  payload.splice(0, 4, port >> 8, port & 0xff, 0, 53);
  payload.splice(8, 4, number >>> 24, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff);
  return ipv4({ protocol, payload });
}

/** Sends packets of `flows` flows in turn at a rate for a while. Answers how many. */
function send(world: World, mbps: number, durationUs: number, protocol = UDP, flows = 1): number {
  const gapUs = (BYTES * 8) / mbps;
  let sent = 0;
  world.every(gapUs, durationUs, () => {
    world.vehicle.sendBytes(packet(sent, protocol, 5000 + (sent % flows)));
    sent++;
  });
  world.run(durationUs);
  return sent;
}

const counters = (world: World) => world.vehicle.engine.status(world.nowUs)[0].counters;
const delivered = (world: World) => new Set(world.gateway.arrivals.map(({ number }) => number)).size;

describe('spilling', () => {
  it('takes the path over which packets arrive first, in whatever order the plan has them', () => {
    const { world, shares } = watch({ mode: 'spill', paths: [2, 1, 0] });
    send(world, 2, SECOND);
    expect(shares()).toEqual([1, 0, 0]);
  });

  it('stays with an earlier path of the plan while a later one gains less than it asks for', () => {
    const { world, shares } = watch({ mode: 'spill', paths: [1, 0], preferUs: 15 * MS });
    send(world, 2, SECOND);
    expect(shares()).toEqual([0, 1, 0]);
    const other = watch({ mode: 'spill', paths: [1, 0], preferUs: 5 * MS });
    send(other.world, 2, SECOND);
    expect(other.shares()).toEqual([1, 0, 0]);
  });

  it('uses a slower path for what a faster one does not carry, and for no more', () => {
    const { world, taken, shares } = watch({ mode: 'spill', paths: [0, 1] }, { delaysMs: [20, 60], mbps: [10, 10] });
    send(world, 4, SECOND);
    taken.length = 0;
    send(world, 4, 2 * SECOND);
    expect(shares()).toEqual([1, 0]);
    send(world, 15, 3 * SECOND);
    taken.length = 0;
    const before = counters(world);
    const sent = send(world, 15, 3 * SECOND);
    const [first, second] = shares();
    expect(first).toBeGreaterThan(0.58);
    expect(second).toBeGreaterThan(0.28);
    expect(taken.length).toBeGreaterThan(0.97 * sent);
    expect(counters(world).queueDrops - before.queueDrops).toBeLessThan(0.01 * sent);
  });

  it('stripes a flow whose order is restored over paths that are alike, and over those alone', () => {
    const alike = { delaysMs: [20, 22, 60] };
    const { world, shares } = watch({ mode: 'spill', paths: [0, 1, 2] }, alike);
    send(world, 4, SECOND, TCP);
    const [first, second, third] = shares();
    expect(first).toBeGreaterThan(0.3);
    expect(second).toBeGreaterThan(0.3);
    expect(third).toBe(0);
    // Nobody restores the order of these: they take the fastest.
    const datagrams = watch({ mode: 'spill', paths: [0, 1, 2] }, alike);
    send(datagrams.world, 4, SECOND, UDP);
    datagrams.taken.length = 0;
    send(datagrams.world, 4, SECOND, UDP);
    expect(datagrams.shares()).toEqual([1, 0, 0]);
  });

  it('takes a much slower path sooner when the queue has stood for long', () => {
    const { world, taken } = watch({ mode: 'spill', paths: [0, 1] }, { delaysMs: [20, 140], mbps: [4, 20] });
    // More than the fast path carries by itself, but not so much that its queue is soon as long as the other path.
    const sent = send(world, 5, 6 * SECOND);
    world.run(SECOND);
    const slow = taken.filter(({ link, atUs }) => link === 1 && atUs > world.nowUs - 4 * SECOND);
    expect(slow.length).toBeGreaterThan(0.1 * sent * (3 / 6));
    expect(delivered(world)).toBeGreaterThan(0.98 * sent);
  });
});

describe('balance', () => {
  it('by packets gives each path its weight', () => {
    const { world, shares } = watch({ mode: 'balance', paths: [0, 1, 2], weights: [6, 3, 1] });
    send(world, 8, 2 * SECOND);
    for (const [i, share] of shares().entries()) expect(share).toBeCloseTo([0.6, 0.3, 0.1][i], 2);
  });

  it('by packets has no burst for a path that comes back', () => {
    const { world, taken } = watch({ mode: 'balance', paths: [0, 1, 2], weights: [1, 1, 1] });
    send(world, 8, SECOND);
    world.vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w1', true, nowUs));
    send(world, 8, SECOND);
    world.vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w1', false, nowUs));
    taken.length = 0;
    send(world, 8, 2 * SECOND);
    let longest = 0;
    let run = 0;
    for (const [i, { link }] of taken.entries()) {
      run = i > 0 && taken[i - 1].link === link ? run + 1 : 1;
      longest = Math.max(longest, run);
    }
    expect(new Set(taken.map(({ link }) => link)).size).toBe(3);
    expect(longest).toBeLessThanOrEqual(3);
  });

  it('by flows keeps each on one path, gives paths their weight, and moves only those of a path that goes', () => {
    const FLOWS = 400;
    const { world, taken, shares } = watch({ mode: 'balance', paths: [0, 1, 2], weights: [2, 1, 1], pinned: true });
    const pathsOf = () => {
      taken.length = 0;
      const paths = Array.from({ length: FLOWS }, () => new Set<number>());
      send(world, 8, 3 * FLOWS * MS, UDP, FLOWS);
      world.run(SECOND);
      for (const { link, port } of taken) paths[port - 5000].add(link);
      for (const one of paths) expect(one.size).toBe(1);
      return paths.map((one) => [...one][0]);
    };
    const before = pathsOf();
    for (const [i, share] of shares().entries()) {
      expect(share).toBeGreaterThan([0.5, 0.25, 0.25][i] - 0.12);
      expect(share).toBeLessThan([0.5, 0.25, 0.25][i] + 0.12);
    }
    world.vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w2', true, nowUs));
    const after = pathsOf();
    for (const [i, path] of before.entries()) if (path !== 2) expect(after[i]).toBe(path);
    expect(new Set(after.filter((_, i) => before[i] === 2))).toEqual(new Set([0, 1]));
  });
});

describe('copies', () => {
  it('go on every path of the plan', () => {
    const { world, shares } = watch({ mode: 'copies', paths: [0, 2] });
    const sent = send(world, 2, SECOND);
    expect(shares()).toEqual([0.5, 0, 0.5]);
    expect(counters(world).copiesSent).toBe(sent);
  });

  it('beside the packet go on the next best paths, as far as the budget of the class goes', () => {
    const { world, taken, shares } = watch({ mode: 'single', paths: [1, 0], copies: 1 }, {}, { redundancy: 0.5 });
    const sent = send(world, 2, 4 * SECOND);
    const extra = taken.length / sent - 1;
    expect(extra).toBeGreaterThan(0.45);
    expect(extra).toBeLessThanOrEqual(0.5);
    expect(shares()[1]).toBeCloseTo(sent / taken.length, 5);
    expect(shares()[0]).toBeCloseTo(1 - sent / taken.length, 5);
    expect(world.gateway.ledger(world.vehicle.sent).duplicates).toBe(0);
  });

  it('are none in a class without a budget', () => {
    const { world, taken } = watch({ mode: 'single', paths: [1, 0], copies: 1 });
    expect(send(world, 2, SECOND)).toBe(taken.length);
  });

  it('wait for nobody: a path that is full gets none', () => {
    const { world } = watch({ mode: 'copies', paths: [0, 1] }, { delaysMs: [20, 30], mbps: [10, 0.5] });
    const sent = send(world, 4, 3 * SECOND);
    world.run(SECOND);
    expect(delivered(world)).toBe(sent);
    expect(counters(world).queueDrops).toBe(0);
    expect(counters(world).copiesSent).toBeLessThan(0.4 * sent);
  });
});

describe('repairs', () => {
  it('travel over another path than what they cover, in the ratio of the plan', () => {
    const { world, taken } = watch({ mode: 'spill', paths: [0, 1], repair: 0.2 }, {}, { redundancy: 0.5 });
    const sent = send(world, 2, 3 * SECOND);
    world.run(SECOND);
    const packets = taken.filter(({ link }) => link === 0);
    const repairs = taken.filter(({ link }) => link === 1);
    expect(packets.map(({ bytes }) => bytes)).toEqual(new Array(sent).fill(BYTES + OVERHEAD));
    expect(repairs.length / sent).toBeCloseTo(0.2, 1);
    expect(counters(world).repairsSent).toBe(repairs.length);
    for (const { bytes } of repairs) expect(bytes).toBe(BYTES + OVERHEAD + 4);
  });

  it('travel over the same path where there is no other', () => {
    const { world, shares } = watch(
      { mode: 'single', paths: [0], repair: 0.2 },
      { delaysMs: [20] },
      { redundancy: 0.5 },
    );
    send(world, 2, SECOND);
    expect(shares()).toEqual([1]);
    expect(counters(world).repairsSent).toBeGreaterThan(30);
  });

  it('restore what is lost before it has been sent again', () => {
    const { world } = watch({ mode: 'spill', paths: [0, 1], repair: 0.34 }, { delaysMs: [60, 70] }, { redundancy: 1 });
    const forward = world.vehicle.onDatagram;
    let seen = 0;
    world.vehicle.onDatagram = (socket, to, bytes) => {
      if (socket === 0 && bytes.length === BYTES + OVERHEAD && ++seen % 10 === 0) return;
      forward(socket, to, bytes);
    };
    const sent = send(world, 4, 2 * SECOND);
    world.run(SECOND);
    expect(delivered(world)).toBe(sent);
    expect(world.gateway.engine.status(world.nowUs)[0].counters.packetsRepaired).toBeGreaterThan(0.06 * sent);
  });
});

describe('urgent packets', () => {
  it('go at once though others would have to wait for the pacer, but not any number of them', () => {
    const atOnce = (urgent: boolean, count: number) => {
      const { world, taken } = watch({ mode: 'single', paths: [0] }, {}, { urgent });
      for (let i = 0; i < count; i++) world.vehicle.sendBytes(packet(i));
      const first = taken.length;
      world.run(SECOND);
      expect(taken).toHaveLength(count);
      return first;
    };
    const ordinary = atOnce(false, 20);
    expect(atOnce(true, 20)).toBeGreaterThan(ordinary);
    expect(atOnce(true, 20)).toBeLessThan(ordinary + 5);
    expect(atOnce(true, 40)).toBe(atOnce(true, 20));
  });
});

describe('a class without any path', () => {
  it('waits for one, as long as its packets are worth it', () => {
    const { world, taken } = watch({ mode: 'single', paths: [0] }, { delaysMs: [20, 30] }, { deadlineMs: 1_000 });
    const uplinks = world.uplinks();
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks([], [], nowUs));
    world.vehicle.sendBytes(packet(1));
    world.run(2 * SECOND);
    world.vehicle.sendBytes(packet(2));
    world.run(0.5 * SECOND);
    expect(taken).toEqual([]);
    expect(counters(world).noPath).toBe(2);
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(uplinks, [], nowUs));
    world.run(3 * SECOND);
    expect(world.gateway.arrivals.map(({ number }) => number)).toEqual([2]);
    expect(counters(world).queueExpired).toBe(1);
  });
});

describe('a late packet', () => {
  const slow = { delaysMs: [20, 60], mbps: [0.5, 10] };
  const state = (world: World, name: string, conditions: Partial<UplinkConditions>) => {
    const all = { roaming: false, capReached: false, signal: undefined, ...conditions };
    world.vehicle.mutate((engine, nowUs) => engine.setUplinkConditions(name, all, nowUs));
  };
  /** 1 Mbit/s for 5 s over a path of half of it, with another that the plan has not. */
  const overload = (protocol: number, rules: Partial<ClassPolicy>, conditions: Partial<UplinkConditions>) => {
    const { world, taken } = watch({ mode: 'single', paths: [0] }, slow, rules);
    state(world, 'w1', conditions);
    const fromUs = world.nowUs;
    const sent = send(world, 1, 5 * SECOND, protocol);
    world.run(4 * SECOND);
    // Later the full path is taken for silent for a moment, and its tail goes over the other one in any case.
    const elsewhere = taken.filter(({ link, atUs }) => link === 1 && atUs < fromUs + 5 * SECOND);
    return { sent, elsewhere, firstUs: (elsewhere[0]?.atUs ?? Number.NaN) - fromUs, lost: sent - delivered(world) };
  };

  it('goes over a path that its plan has not, from a third of its deadline on', () => {
    const { elsewhere, firstUs, lost } = overload(UDP, { deadlineMs: 1_500 }, {});
    expect(lost).toBe(0);
    expect(elsewhere.length).toBeGreaterThan(100);
    expect(firstUs).toBeGreaterThan(0.5 * SECOND);
  });

  it('goes over a path that its class avoids from half of its deadline on', () => {
    const avoided = overload(UDP, { deadlineMs: 1_500, avoid: ['roaming'] }, { roaming: true });
    expect(avoided.lost).toBe(0);
    expect(avoided.firstUs).toBeGreaterThan(0.75 * SECOND);
  });

  it('never goes over one whose data cap is reached, nor over an avoided one when it is of TCP', () => {
    const capped = overload(UDP, { deadlineMs: 1_500, avoid: ['capped'] }, { capReached: true });
    expect(capped.elsewhere).toEqual([]);
    expect(capped.lost).toBeGreaterThan(0);
    const tcp = overload(TCP, { deadlineMs: 1_500, avoid: ['roaming'] }, { roaming: true });
    expect(tcp.elsewhere).toEqual([]);
  });
});
