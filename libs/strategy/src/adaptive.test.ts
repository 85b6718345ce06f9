import { describe, expect, it } from 'vitest';
import { adaptive, type PathSnapshot, type Plan, path, planRequest, type RequestChange } from './index.js';

/** Leads one strategy through time, as a class that `change` describes. */
function driver(change: RequestChange = {}): (atMs: number, ...paths: PathSnapshot[]) => Plan {
  const strategy = adaptive.create({});
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { ...change, current }));
    return current;
  };
}

const vital: RequestChange = {
  traffic: { demandBps: 64_000, packetBytes: 160 },
  limits: { urgent: true, redundancy: 2 },
};
const video: RequestChange = {
  traffic: { demandBps: 6_000_000, packetBytes: 1_200 },
  limits: { redundancy: 0.1 },
};

describe('adaptive, for what is vital', () => {
  it('sends copies on as many paths as the redundancy pays for, best first', () => {
    const paths = [path(0, { delayMs: 80 }), path(1), path(2, { delayMs: 40 }), path(3, { delayMs: 60 })];
    expect(driver(vital)(0, ...paths)).toEqual({
      mode: 'copies',
      paths: [1, 2, 3],
      reason: 'copies on w1, w2, w3',
    });
  });

  it('fills up with paths that may be alive, never with ones that are down', () => {
    const at = driver(vital);
    expect(at(0, path(0), path(1, { state: 'suspect' }), path(2, { state: 'down' })).paths).toEqual([0, 1]);
    expect(at(100, path(0), path(1, { state: 'gated' }), path(2)).paths).toEqual([0, 2, 1]);
  });

  it('goes on alone where there is one path', () => {
    expect(driver(vital)(0, path(0))).toMatchObject({ mode: 'spill', paths: [0] });
  });

  it('leaves out a path of which the copies would take half, until they take a third', () => {
    const at = driver(vital);
    const uses = (atMs: number, kbps: number) =>
      at(atMs, path(0), path(1), path(2, { capacityMbps: kbps / 1_000 })).paths.includes(2);
    expect([uses(0, 200), uses(100, 130), uses(200, 120), uses(300, 150), uses(400, 190)]).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
  });

  it('does not flood all links with what calls itself vital and is not tiny', () => {
    const flood = { ...vital, traffic: { demandBps: 8_000_000, packetBytes: 1_200 } };
    const paths = [0, 1, 2].map((id) => path(id, { capacityMbps: 10 }));
    expect(driver(flood)(0, ...paths)).toMatchObject({ mode: 'spill', paths: [0, 1, 2] });
  });

  it('copies what is tiny though nobody called it urgent', () => {
    const names = { traffic: { demandBps: 2_000 }, limits: { redundancy: 2 } };
    expect(driver(names)(0, path(0), path(1))).toMatchObject({ mode: 'copies', paths: [0, 1] });
  });
});

describe('adaptive, for everything else', () => {
  it.each<[string, PathSnapshot[], number]>([
    ['the least delay', [path(0, { delayMs: 40 }), path(1)], 1],
    ['little loss before little delay', [path(0, { lossRatio: 0.05 }), path(1, { delayMs: 50 })], 1],
    ['what the operator prefers among similar ones', [path(0, { priority: 2 }), path(1, { delayMs: 24 })], 1],
    ['what costs nothing among similar ones', [path(0, { metered: true }), path(1, { delayMs: 26 })], 1],
    ['a path that carries the demand', [path(0, { capacityMbps: 0.5 }), path(1, { delayMs: 40, capacityMbps: 20 })], 1],
    [
      'the faster of two that fall short alike',
      [path(0, { capacityMbps: 1 }), path(1, { delayMs: 30, capacityMbps: 1 })],
      0,
    ],
    ['a path without warnings', [path(0, { warnings: ['signal'] }), path(1, { delayMs: 30 })], 1],
  ])('has as its anchor %s', (_, paths, anchor) => {
    const plan = driver()(0, ...paths);
    expect(plan).toMatchObject({ mode: 'spill' });
    expect(plan.paths[0]).toBe(anchor);
  });

  const slower = path(1, { delayMs: 40 });
  it.each<[string, PathSnapshot, PathSnapshot, string]>([
    ['delay', path(0, { delayMs: 100 }), slower, 'w1 is clearly better (40 ms), w0 has 100 ms'],
    ['loss', path(0, { lossRatio: 0.06 }), slower, 'w1 is clearly better (40 ms), w0 loses 6.0 %'],
    ['jitter', path(0, { jitterMs: 30 }), slower, 'w1 is clearly better (40 ms), w0 jitters by 30 ms'],
    [
      'a warning',
      path(0, { warnings: ['delay', 'signal'] }),
      slower,
      'w1 is clearly better (40 ms), w0 warns of delay and signal',
    ],
    [
      'too little capacity',
      path(0, { capacityMbps: 1 }),
      path(1, { delayMs: 40, capacityMbps: 20 }),
      'w1 is clearly better (40 ms, 20 Mbit/s), w0 carries 1.0 Mbit/s of 6.0 Mbit/s',
    ],
  ])('names what made it move: %s', (_, worse, better, reason) => {
    const at = driver(video);
    at(0, path(0), better);
    let plan = at(10, path(0), better);
    for (let ms = 20; ms < 3_000 && plan.paths[0] === 0; ms += 50) plan = at(ms, worse, better);
    expect(plan.paths[0]).toBe(1);
    expect(plan.reason).toContain(reason);
  });

  it('says of a faster path that it leaves that it is only just back', () => {
    const at = driver();
    const down = path(1, { state: 'down' });
    for (let ms = 0; ms < 5_000; ms += 1_000) {
      at(ms, path(0), down);
      at(ms + 500, path(0, { state: 'down' }), down);
    }
    expect(at(5_000, path(0), down).paths).toEqual([0]);
    at(5_100, path(0), path(1, { delayMs: 40 }));
    const plan = at(5_700, path(0), path(1, { delayMs: 40 }));
    expect(plan.reason).toBe('w1 is steadier (40 ms), w0 is only just back');
  });

  it('does not take the queue that the class itself makes for a slow path', () => {
    const at = driver({ traffic: { demandBps: 20_000_000 } });
    const filled = { capacityMbps: 10, deliveredMbps: 9.5 };
    at(0, path(0, filled), path(1, { ...filled, delayMs: 25 }));
    for (let ms = 100; ms < 10_000; ms += 100) {
      const plan = at(ms, path(0, { ...filled, queueMs: 25 }), path(1, { ...filled, delayMs: 25 }));
      expect(plan.paths).toEqual([0, 1]);
    }
  });

  it('leaves out what only hurts, and says so', () => {
    const at = driver();
    at(0, path(0), path(1), path(2));
    const plan = at(100, path(0), path(1, { lossRatio: 0.4 }), path(2, { delayMs: 250 }));
    expect(plan.paths).toEqual([0]);
    expect(plan.reason).toBe('w1 loses 40 %, w2 is far slower than w0');
  });

  it('leaves out a path in doubt where the others carry the demand, and only there', () => {
    const at = driver({ traffic: { demandBps: 6_000_000 } });
    const doubtful = path(1, { capacityMbps: 10, lossRatio: 0.1 });
    expect(at(0, path(0, { capacityMbps: 13 }), doubtful).paths).toEqual([0]);
    expect(at(50, path(0, { capacityMbps: 9.5 }), doubtful).paths).toEqual([0]);
    expect(at(100, path(0, { capacityMbps: 9 }), doubtful).paths).toEqual([0, 1]);
    // What is not known is taken to be enough, until it is known.
    expect(at(200, path(0, { capacityMbps: 0 }), doubtful).paths).toEqual([0]);
  });

  it('leaves out a path whose delay uses up the deadline', () => {
    const late = { limits: { deadlineUs: 100_000 } };
    expect(driver(late)(0, path(0), path(1, { delayMs: 90 })).paths).toEqual([0]);
    expect(driver(late)(0, path(0), path(1, { delayMs: 75 })).paths).toEqual([0, 1]);
  });

  it('returns at once from a suspicion that was nothing, and stays away from a path that was down', () => {
    const at = driver();
    const other = path(1, { delayMs: 40 });
    at(0, path(0), other);
    for (let ms = 1_000; ms < 5_000; ms += 500) {
      expect(at(ms, path(0, { state: 'suspect' }), other).paths).toEqual([1]);
      expect(at(ms + 100, path(0), other).paths).toEqual([0, 1]);
    }
    at(6_000, path(0, { state: 'suspect' }), other);
    at(6_050, path(0, { state: 'down' }), other);
    expect(at(6_100, path(0), other).paths).toEqual([1, 0]);
    expect(at(6_600, path(0), other).paths).toEqual([0, 1]);
  });

  it('uses a flapping path again only when it has settled', () => {
    const at = driver();
    let ms = 0;
    for (let flap = 0; flap < 3; flap++) {
      at(ms++ * 200, path(0), path(1));
      at(ms++ * 200, path(0), path(1, { state: 'suspect' }));
    }
    const back = ms * 200;
    expect(at(back, path(0), path(1)).paths).toEqual([0]);
    expect(at(back + 1_900, path(0), path(1)).paths).toEqual([0]);
    expect(at(back + 2_000, path(0), path(1)).paths).toEqual([0, 1]);
  });

  it('keeps flows together where the class asks for it, and to one path where it asks for that', () => {
    expect(driver({ limits: { flowPinned: true } })(0, path(0), path(1))).toMatchObject({
      mode: 'balance',
      paths: [0, 1],
      pinned: true,
    });
    expect(driver({ limits: { aggregate: false } })(0, path(0), path(1), path(2, { state: 'down' }))).toMatchObject({
      mode: 'single',
      paths: [0, 1, 2],
    });
  });

  it('uses what may be alive when nothing is up, and the least bad path when all is down', () => {
    const at = driver();
    at(0, path(0), path(1));
    expect(at(100, path(0, { state: 'down' }), path(1, { state: 'gated' })).paths).toEqual([1]);
    expect(at(200, path(0, { state: 'down' }), path(1, { state: 'down' })).paths).toHaveLength(1);
  });
});

describe('adaptive, within its budget', () => {
  const calm = [path(0), path(1, { delayMs: 90 })];
  const warned = [path(0, { warnings: ['delay'] }), path(1, { delayMs: 90 })];

  it('copies while an early warning is in force and a little longer, and says why', () => {
    const at = driver(video);
    at(0, ...calm);
    expect(at(200, ...warned)).toMatchObject({
      paths: [0, 1],
      copies: 1,
      reason: 'w0 is slowing down: each packet goes on another path as well; w0 goes first',
    });
    expect(at(400, ...calm).copies).toBe(1);
    expect(at(600, ...calm).copies).toBeUndefined();
  });

  it('stops when the budget is spent and begins again when it has come back', () => {
    const at = driver(video);
    at(0, ...calm);
    const copied: number[] = [];
    for (let ms = 200; ms < 120_000; ms += 200) if (at(ms, ...warned).copies === 1) copied.push(ms);
    // 0.1 of 5 s are saved: half a second of copies, a little more while they run. The rest is earned: a tenth of the time.
    expect(copied.filter((ms) => ms < 1_500)).toEqual([200, 400, 600]);
    const share = (copied.length * 200) / 120_000;
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.125);
  });

  it('copies nothing when the class may not pay for it, or for a warned path that carries nothing', () => {
    expect(driver({ ...video, limits: { redundancy: 0 } })(0, ...warned).copies).toBeUndefined();
    expect(driver(video)(0, path(0), path(1, { delayMs: 30, warnings: ['loss'] })).copies).toBeUndefined();
    const carrying = path(1, { delayMs: 30, warnings: ['loss'], deliveredMbps: 2, capacityMbps: 20 });
    expect(driver(video)(0, path(0, { capacityMbps: 4 }), carrying).copies).toBe(1);
  });

  it('copies nothing where the class fills its paths anyway', () => {
    const copiesAt = (capacityMbps: number) =>
      driver(video)(0, path(0, { warnings: ['delay'], capacityMbps }), path(1, { delayMs: 90, capacityMbps })).copies;
    expect([copiesAt(6.5), copiesAt(5.5), copiesAt(0)]).toEqual([1, undefined, 1]);
  });

  it('repairs by measured loss within the redundancy, at once when it comes, later when it goes', () => {
    const at = driver({ ...video, limits: { redundancy: 0.4 } });
    const lossy = (lossRatio: number, burstPackets = 1) => [
      path(0, { lossRatio, burstPackets, deliveredMbps: 6 }),
      path(1, { delayMs: 60, lossRatio, burstPackets }),
    ];
    expect(at(0, ...lossy(0)).repair).toBeUndefined();
    const repair = at(200, ...lossy(0.01)).repair as number;
    expect(repair).toBeGreaterThan(0.01);
    expect(repair).toBeLessThan(0.2);
    const bursts = at(400, ...lossy(0.01, 4));
    expect(bursts.repair).toBeGreaterThan(repair);
    expect(bursts.reason).toMatch(/^\d+ % repair packets against loss/);
    expect(at(600, ...lossy(0.05, 4)).repair).toBe(0.4);
    expect(at(800, ...lossy(0)).repair).toBe(0.4);
    expect(at(3_800, ...lossy(0)).repair).toBeUndefined();
  });

  it('does not plan anew for noise in the loss', () => {
    const at = driver(video);
    const plans = new Set<string>();
    for (let ms = 0; ms < 20_000; ms += 200) {
      const lossRatio = 0.02 + ((ms / 200) % 5) * 0.0005;
      plans.add(JSON.stringify(at(ms, path(0, { lossRatio, deliveredMbps: 6 }), path(1))));
    }
    expect(plans.size).toBeLessThanOrEqual(2);
  });
});
