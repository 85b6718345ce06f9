/** The watch with a clock, counters and an `mmcli` of its own: a small program that stands first in PATH. */
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UplinkConditions } from '@corridor/tunnel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UplinkOptions } from '../options.js';
import type { Uplink } from '../system/uplinks.js';
import { ConditionsWatch } from './conditions-watch.js';
import { UsageFile } from './usage-store.js';

const fixture = (name: string) => new URL(`../../test/fixture/mmcli/${name}`, import.meta.url);
const uplink = (name: string, ifindex = 3): Uplink => ({
  name,
  ifindex,
  addresses: ['192.0.2.1'],
  families: [4],
  priority: 1,
  metered: true,
});

let folder = '';
let path = '';
let watch: ConditionsWatch | undefined;
let applied: [string, UplinkConditions][] = [];
let changes: string[] = [];
let warnings: string[] = [];
const counters = new Map<string, number>();
let nowMs: number | undefined;
/** How often the counters were read. */
let looks = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-conditions-'));
  path = process.env.PATH ?? '';
  // Nothing of this machine is asked; what a test's own mmcli needs, it names in full.
  process.env.PATH = folder;
  applied = [];
  changes = [];
  warnings = [];
  counters.clear();
  nowMs = Date.parse('2026-11-20T00:00Z');
});

afterEach(async () => {
  await watch?.close();
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

function start(wanted: readonly UplinkOptions[], uplinks: readonly Uplink[], writeMs = 0): ConditionsWatch {
  watch = new ConditionsWatch({
    wanted,
    usage: new UsageFile(join(folder, 'usage.json')),
    trustedNowMs: () => nowMs,
    apply: (name, conditions) => applied.push([name, conditions]),
    onChange: (name, reason) => changes.push(`${name} ${reason}`),
    onWarning: (reason) => warnings.push(reason),
    counters: () => {
      looks++;
      return new Map(counters);
    },
    lookMs: 5,
    writeMs,
    modemMs: 5,
  });
  watch.start();
  watch.setUplinks(uplinks);
  return watch;
}

/** Waits for so many more looks at counters and modems. */
async function moreLooks(count: number): Promise<void> {
  const from = looks;
  await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(from + count));
}

describe('a data cap', () => {
  const capped = [{ device: 'wwan*', cap: { bytes: 2_000_000_000, resetDay: 1 } }] as const;

  it('that is used up is told to the engine and to people, and again when a new period begins', async () => {
    counters.set('wwan0', 0);
    const made = start(capped, [uplink('wwan0')]);
    counters.set('wwan0', 1_999_999_999);
    await vi.waitFor(() => expect(made.figuresOf('wwan0').usedBytes).toBe(1_999_999_999));
    expect(changes).toEqual([]);
    counters.set('wwan0', 2_000_000_000);
    await vi.waitFor(() => expect(changes).toEqual(['wwan0 has used up its data volume of 2.00 GB']));
    expect(applied).toEqual([['wwan0', { roaming: false, capReached: true, signal: undefined }]]);
    nowMs = Date.parse('2026-12-01T00:00Z');
    await vi.waitFor(() => expect(changes.at(-1)).toBe('wwan0 has data volume again'));
    expect(applied.at(-1)?.[1].capReached).toBe(false);
    expect(made.figuresOf('wwan0')).toEqual({ usedBytes: 0, capBytes: 2e9, capSince: '2026-12-01T00:00:00.000Z' });
  });

  it('is counted on by the next process, which tells the engine before the uplink is used', async () => {
    counters.set('wwan0', 0);
    const first = start(capped, [uplink('wwan0')], 60_000);
    counters.set('wwan0', 3_000_000_000);
    await vi.waitFor(() => expect(first.figuresOf('wwan0').usedBytes).toBe(3_000_000_000));
    await first.close();
    applied = [];
    start(capped, [uplink('wwan0')]);
    expect(applied).toEqual([['wwan0', { roaming: false, capReached: true, signal: undefined }]]);
  });

  it('may come later from elsewhere, change and go, where the configuration has none', async () => {
    counters.set('wwan0', 0);
    counters.set('eth0', 0);
    const made = start(
      [{ device: 'eth0' }, { device: 'wwan*', cap: { bytes: 5e9, resetDay: 5 } }],
      [uplink('eth0'), uplink('wwan0', 4)],
    );
    expect(made.figuresOf('eth0')).toEqual({});
    const cap = (bytes: number) => ({ bytes, resetDay: 1 });
    made.setCaps(new Map(['eth0', 'wwan0'].map((name) => [name, cap(1e9)])));
    expect(made.figuresOf('wwan0').capBytes).toBe(5e9);
    counters.set('eth0', 1.5e9);
    await vi.waitFor(() => expect(changes).toEqual(['eth0 has used up its data volume of 1.00 GB']));
    made.setCaps(new Map([['eth0', cap(2e9)]]));
    expect(changes.at(-1)).toBe('eth0 has data volume again');
    expect(made.figuresOf('eth0')).toMatchObject({ usedBytes: 1.5e9, capBytes: 2e9 });
    made.setCaps(new Map());
    expect(made.figuresOf('eth0')).not.toHaveProperty('capBytes');
  });

  it('is counted although the configuration knows of none at all', async () => {
    counters.set('eth0', 0);
    const made = start([{ device: 'eth0' }], [uplink('eth0')]);
    made.setCaps(new Map([['eth0', { bytes: 1e9, resetDay: 1 }]]));
    counters.set('eth0', 1e9);
    await vi.waitFor(() =>
      expect(applied).toEqual([['eth0', { roaming: false, capReached: true, signal: undefined }]]),
    );
  });

  it('is written once a minute at most, and when the process ends', async () => {
    counters.set('wwan0', 0);
    const made = start(capped, [uplink('wwan0')], 60_000);
    const stored = () => JSON.parse(readFileSync(join(folder, 'usage.json'), 'utf8')).uplinks.wwan0.usedBytes;
    counters.set('wwan0', 500);
    await vi.waitFor(() => expect(made.figuresOf('wwan0').usedBytes).toBe(500));
    expect(stored()).toBe(0);
    counters.set('wwan0', 700);
    await made.close();
    expect(stored()).toBe(700);
  });

  it('counts nothing anew without a trusted time, whatever the clock says', async () => {
    nowMs = undefined;
    counters.set('wwan0', 0);
    const made = start(capped, [uplink('wwan0')]);
    counters.set('wwan0', 10);
    await vi.waitFor(() => expect(made.figuresOf('wwan0')).toEqual({ usedBytes: 10, capBytes: 2e9 }));
  });

  it('that cannot be kept is a warning, once', async () => {
    rmSync(folder, { recursive: true });
    counters.set('wwan0', 0);
    start(capped, [uplink('wwan0')]);
    counters.set('wwan0', 10);
    const kept = () => warnings.filter((warning) => /cannot be kept: ENOENT/.test(warning));
    await vi.waitFor(() => expect(kept().length).toBe(1));
    counters.set('wwan0', 20);
    await moreLooks(5);
    expect(kept().length).toBe(1);
    folder = mkdtempSync(join(tmpdir(), 'corridor-conditions-'));
  });

  it('that was stored damaged is counted from zero, with a warning', () => {
    writeFileSync(join(folder, 'usage.json'), '{"version":1,"upl');
    counters.set('wwan0', 900);
    start(capped, [uplink('wwan0')]);
    expect(warnings).toEqual(['what is stored of the usage of data caps is damaged: it is counted from zero']);
    expect(watch?.figuresOf('wwan0').usedBytes).toBe(0);
  });
});

describe('a modem', () => {
  // The caps make every look count.
  const cap = { bytes: 1e12, perDays: 30 } as const;
  const modems = [
    { device: 'wwan*', cap },
    { device: 'eth*', cap },
  ] as const;

  /** Answers with the recorded texts that lie in the folder. */
  function mmcli(list: string): void {
    writeFileSync(join(folder, 'list.json'), `{"modem-list":[${list}]}`);
    const script = `#!/bin/sh
case "$1" in
  -L) exec /bin/cat ${folder}/list.json ;;
  -m) exec /bin/cat "${folder}/modem-\${2##*/}.json" ;;
esac
exit 1
`;
    writeFileSync(join(folder, 'mmcli'), script);
    chmodSync(join(folder, 'mmcli'), 0o755);
    for (const name of ['modem-0.json', 'modem-3.json']) copyFileSync(fixture(name), join(folder, name));
  }

  it('that roams is told, with its signal, until it is home again', async () => {
    mmcli('"/org/freedesktop/ModemManager1/Modem/0"');
    const made = start(modems, [uplink('wwan0'), uplink('eth0', 4)]);
    await vi.waitFor(() => expect(changes).toEqual(['wwan0 is roaming (Orange F)']));
    expect(applied).toEqual([['wwan0', { roaming: true, capReached: false, signal: 0.62 }]]);
    const expected = { roaming: true, signal: 0.62, operator: 'Orange F', technology: 'lte' };
    expect(made.figuresOf('wwan0')).toMatchObject(expected);
    expect(made.figuresOf('eth0').roaming).toBeUndefined();
    const home = readFileSync(fixture('modem-0.json'), 'utf8').replace('"roaming"', '"home"').replace('"62"', '"40"');
    writeFileSync(join(folder, 'modem-0.json'), home);
    await vi.waitFor(() => expect(changes.at(-1)).toBe('wwan0 is not roaming any more (Orange F)'));
    expect(applied.at(-1)?.[1]).toEqual({ roaming: false, capReached: false, signal: 0.4 });
    expect(warnings).toEqual([]);
  });

  it('that is unplugged is not known any more; one that is plugged in is found', async () => {
    mmcli('"/org/freedesktop/ModemManager1/Modem/0"');
    const made = start(modems, [uplink('wwan0'), uplink('wwan1', 4)]);
    await vi.waitFor(() => expect(made.figuresOf('wwan0').roaming).toBe(true));
    mmcli('"/org/freedesktop/ModemManager1/Modem/3"');
    await vi.waitFor(() => expect(made.figuresOf('wwan1').operator).toBe('Telekom.de'));
    expect(made.figuresOf('wwan0').roaming).toBeUndefined();
    await vi.waitFor(() =>
      expect(applied.at(-1)).toEqual(['wwan0', { roaming: false, capReached: false, signal: undefined }]),
    );
  });

  it('of which nothing is known, as mmcli is missing, is said once', async () => {
    start(modems, [uplink('wwan0')]);
    const expected = ['signal and roaming of modems are not known: mmcli is not installed (package modemmanager)'];
    await vi.waitFor(() => expect(warnings).toEqual(expected));
    await moreLooks(5);
    expect(warnings).toEqual(expected);
    expect(applied).toEqual([]);
  });

  it('that is none needs no ModemManager', async () => {
    start(modems, [uplink('eth0')]);
    await moreLooks(5);
    expect(warnings).toEqual([]);
  });

  it('is not known while ModemManager does not run; its own words say so', async () => {
    writeFileSync(
      join(folder, 'mmcli'),
      '#!/bin/sh\necho "error: couldn\'t find the ModemManager process in the bus" >&2\nexit 1\n',
    );
    chmodSync(join(folder, 'mmcli'), 0o755);
    start(modems, [uplink('wwan0')]);
    await vi.waitFor(() =>
      expect(warnings).toEqual([
        "signal and roaming of modems are not known: mmcli: error: couldn't find the ModemManager process in the bus",
      ]),
    );
  });
});
