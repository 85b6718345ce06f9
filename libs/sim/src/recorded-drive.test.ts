import { describe, expect, it } from 'vitest';
import { offeredBps } from './bound.js';
import { boundLinks, DRIVE_LOADS, recordedDrive, traceWindow } from './recorded-drive.js';
import { linkPairProfiles, profileScenario, profileVariants, scenarioNamed } from './scenarios/index.js';
import { syntheticDrive } from './synthetic-trace.js';

const drive = { name: 'city', operators: syntheticDrive(2, 30_000), durationUs: 10_000_000 };

describe('a window of a trace', () => {
  it('is shifted to its start and keeps every opportunity in it', () => {
    expect(traceWindow([0, 5, 5, 20, 40], 5, 30)).toEqual([0, 0, 15, 25]);
  });

  it('goes through the repetitions of the trace, and ends where it was told to', () => {
    // Opportunities at 10, 20, 30 (20 + 10), 40, 50...
    expect(traceWindow([10, 20], 25, 55)).toEqual([5, 15, 25, 30]);
    expect(traceWindow([10, 1_000], 100, 200)).toEqual([100]);
  });
});

describe('a recorded drive', () => {
  it('has a link an operator and the traffic of the load', () => {
    for (const load of DRIVE_LOADS) {
      const scenario = recordedDrive(drive, load);
      expect(scenario.name).toBe(`city-${load}`);
      expect(scenario.links.map(({ name }) => name)).toEqual(['w0', 'w1', 'w2']);
      const kinds = scenario.traffic.map(({ kind }) => kind);
      expect(kinds).toEqual(load.startsWith('udp') ? ['vitals', 'video'] : ['tcp']);
      for (const spec of scenario.traffic) {
        expect(load.endsWith(spec.direction)).toBe(true);
        expect([spec.startUs, spec.stopUs]).toEqual([2_000_000, 12_000_000]);
      }
      expect(JSON.parse(JSON.stringify(scenario))).toEqual(scenario);
    }
  });

  it('tells the bound what its links offer', () => {
    const scenario = recordedDrive(drive, 'tcp-bbr-down');
    const offered = offeredBps(boundLinks(scenario, 'down'), 2_000_000, 12_000_000);
    expect(offered).toBeGreaterThan(5e6);
    expect(offered).toBeLessThan(60e6);
    expect(() => boundLinks(scenarioNamed('clean'), 'up')).toThrow(/no trace/);
  });

  it('refuses to drive without operators', () => {
    expect(() => recordedDrive({ ...drive, operators: [] }, 'udp-up')).toThrow(/operators/);
  });
});

describe('the profiles', () => {
  it('are sixteen pairs, each told apart by its name', () => {
    expect(linkPairProfiles.length).toBe(16);
    expect(new Set(linkPairProfiles.map(({ name }) => name)).size).toBe(16);
    for (const { links } of linkPairProfiles) expect(links.map(({ name }) => name)).toEqual(['w0', 'w1']);
  });

  it('load UDP with 90 % of the better link, and have a control for each link', () => {
    const [profile] = linkPairProfiles;
    const [spec] = profileScenario(profile, 'udp', 'up').traffic;
    expect(spec.rateBps).toBe(18e6);
    const control = profileScenario(profile, 'tcp-bbr', 'down', 'w1');
    expect(control.name).toBe('profile-symmetric-clean-tcp-bbr-down-only-w1');
    expect(control.links.map(({ name }) => name)).toEqual(['w1']);
    expect(() => profileScenario(profile, 'udp', 'up', 'w7')).toThrow(/no link w7/);
    expect(scenarioNamed(control.name)).toEqual(control);
    expect(profileVariants().length).toBe(16 * 3 * 2 * 3);
  });
});
