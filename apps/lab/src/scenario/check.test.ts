import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scenarios } from '@corridor/sim';
import { afterAll, describe, expect, it } from 'vitest';
import { allScenarios, findScenario } from './catalogue.js';
import { checkScenario } from './check.js';

const way = { rateBps: 1e6, delayUs: 1000 };
const good = {
  name: 'mine',
  description: 'Something.',
  durationUs: 5_000_000,
  vehicles: 1,
  links: [{ name: 'w0', up: way, down: way }],
  traffic: [{ kind: 'vitals', direction: 'up', packetsPerSecond: 50, bytes: 200 }],
  policy: { version: 1, default: { strategy: 'redundant' }, classes: [] },
  steps: [{ atUs: 1, action: 'blackout', link: 'w0' }],
};

describe('checkScenario', () => {
  it('takes every scenario that the simulator has, and the lab’s own', () => {
    for (const scenario of scenarios) expect(checkScenario(structuredClone(scenario), 'test')).toEqual(scenario);
    expect(allScenarios().length).toBeGreaterThan(scenarios.length);
  });

  it.each([
    [{ durationUs: 'long' }, 'mine.json: durationUs: a whole number from 1 to 86400000000 was expected, not "long"'],
    [{ speed: 1 }, 'mine.json: scenario.speed: no such key; there are: name,'],
    [{ links: [] }, 'mine.json: links: 1 to 60 links was expected, not 0'],
    [{ links: [{ name: 'w0', up: way, down: { delayUs: -1 } }] }, 'mine.json: links[0].down.delayUs:'],
    [{ links: [good.links[0], good.links[0]] }, 'mine.json: links[1].name: a name that no other link has was expected'],
    [{ traffic: [{ kind: 'vitals', direction: 'up', bytes: 200 }] }, 'mine.json: traffic[0]: either rateBps or'],
    [{ traffic: [{ ...good.traffic[0], bytes: 20 }] }, 'mine.json: traffic[0].bytes: a whole number from 72 to 1500'],
    [
      { traffic: [{ kind: 'tcp', direction: 'up', bytes: 0, congestion: 'reno' }] },
      'traffic[0].congestion: "cubic", "bbr"',
    ],
    [{ traffic: [{ ...good.traffic[0], ecn: true }] }, 'mine.json: traffic[0].ecn: only tcp has it'],
    [{ policy: { version: 1, default: { strategy: 'magic' }, classes: [] } }, 'mine.json: policy.'],
    [{ steps: [{ atUs: 1, action: 'explode' }] }, 'mine.json: steps[0].action: blackout, restore,'],
    [{ steps: [{ atUs: 1, action: 'restore', link: 'w9' }] }, 'mine.json: steps[0].link: "w0" was expected, not "w9"'],
    [{ steps: [{ atUs: 1, action: 'set', link: 'w0', set: { lossRatio: 2 } }] }, 'mine.json: steps[0].set.lossRatio:'],
    [{ steps: [{ ...good.steps[0], atUs: 9 }, good.steps[0]] }, 'mine.json: steps[1].atUs: steps in order of time'],
  ])('says in one sentence what is wrong: %j', (change, message) => {
    expect(() => checkScenario({ ...good, ...change }, 'mine.json')).toThrow(message);
  });

  it('lets a change take a limit away', () => {
    const set = { atUs: 1, action: 'set', link: 'w0', set: { rateBps: null, lossRatio: 0.1 } };
    expect(() => checkScenario({ ...good, steps: [set] }, 'mine.json')).not.toThrow();
  });
});

describe('findScenario', () => {
  it('names the command that shows what there is', () => {
    expect(() => findScenario('nope')).toThrow('there is no scenario "nope"; "npm run lab -- list" shows them');
  });
});

describe('a scenario in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'corridor-scenario-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function written(up: object, trace = '0\n3\n3\n8\n'): string {
    const file = join(folder, 'mine.json');
    writeFileSync(join(folder, 'lte.up'), trace);
    writeFileSync(file, JSON.stringify({ ...good, links: [{ name: 'w0', up, down: way }] }));
    return file;
  }

  it('takes a recorded trace from a file beside it', () => {
    const { links } = findScenario(written({ traceFile: 'lte.up', delayUs: 20_000 }));
    expect(links[0].up).toEqual({ traceMs: [0, 3, 3, 8], delayUs: 20_000 });
  });

  it('says which line of a trace is wrong, and which file is missing', () => {
    const wrong = written({ traceFile: 'lte.up', delayUs: 1 }, '5\nsoon\n');
    expect(() => findScenario(wrong)).toThrow('mine.json: lte.up: line 2: milliseconds expected, got "soon"');
    expect(() => findScenario(written({ traceFile: 'no.up', delayUs: 1 }))).toThrow('mine.json: no.up: ENOENT');
  });
});
