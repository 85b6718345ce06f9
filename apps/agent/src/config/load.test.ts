import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from './load.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-config-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function load(content: unknown) {
  const file = join(folder, 'agent.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadConfig(file);
}

/** The sentences, without the file's name. */
function mistakes(content: unknown): string[] {
  try {
    load(content);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace(`${folder}/agent.json: `, ''));
  }
  return [];
}

describe('the configuration', () => {
  test('may be empty', () => {
    expect(load({})).toMatchObject({
      stateDir: '/var/lib/corridor',
      control: '/run/corridor/agent.sock',
      tun: { name: 'corridor', mtu: 1400 },
      logLevel: 'info',
    });
    expect(load({}).gpsd).toBeUndefined();
    expect(load({}).uplinks.map(({ device }) => device)).toEqual(['eth*', 'wwan*', 'usb*', 'wlan*']);
  });

  test('fills in what an operator leaves out', () => {
    expect(load({ uplinks: [{ device: 'wwan0' }], gpsd: {}, tun: { mtu: 1300 } })).toMatchObject({
      uplinks: [{ device: 'wwan0', priority: 1, metered: false }],
      gpsd: { host: '127.0.0.1', port: 2947 },
      tun: { name: 'corridor', mtu: 1300 },
    });
  });

  test('may cap what an uplink uses, by the month or by a number of days', () => {
    const uplinks = [
      { device: 'wwan0', cap: { bytes: 5e9, resetDay: 15 } },
      { device: 'wwan1', cap: { bytes: 1e9, perDays: 30 } },
    ];
    expect(load({ uplinks }).uplinks.map(({ cap }) => cap)).toEqual(uplinks.map(({ cap }) => cap));
  });

  test('of the examples is in order', () => {
    const example = new URL('../../../../deploy/examples/agent.json', import.meta.url);
    expect(load(readFileSync(example, 'utf8')).uplinks.length).toBeGreaterThan(1);
  });

  test.each<[unknown, string[]]>([
    [{ uplinks: [] }, ['uplinks: expected at least one uplink']],
    [
      { uplinks: [{ device: 'a/b' }] },
      ['uplinks[0].device: expected an interface name or pattern of at most 15 characters'],
    ],
    [{ uplinks: [{ device: 'w0', priority: 0 }] }, ['uplinks[0].priority: expected 1 or more']],
    [{ uplinks: [{ device: 'w0', metered: 'yes' }] }, ['uplinks[0].metered: expected true or false']],
    [
      { uplinks: [{ device: 'w0', cap: { bytes: 5, resetDay: 29 } }] },
      [
        'uplinks[0].cap.bytes: expected a number of bytes, 1000000 or more',
        'uplinks[0].cap.resetDay: expected a day of the month from 1 to 28',
      ],
    ],
    [
      { uplinks: [{ device: 'w0', cap: { bytes: 5e9 } }] },
      ['uplinks[0].cap: expected either "resetDay" or "perDays" beside "bytes"'],
    ],
    [
      { uplinks: [{ device: 'w0', cap: { bytes: 5e9, resetDay: 1, perDays: 30 } }] },
      ['uplinks[0].cap: expected either "resetDay" or "perDays" beside "bytes"'],
    ],
    [
      { uplinks: [{ device: 'w0', cap: { bytes: 5e9, perDays: 0, days: 1 } }] },
      [
        'uplinks[0].cap.perDays: expected a whole number of days from 1 to 366',
        "uplinks[0].cap.days: is not a key of the agent's configuration",
      ],
    ],
    [
      { uplinks: [{ device: 'w0', cap: '5 GB' }] },
      ['uplinks[0].cap: expected { "bytes": …, "resetDay": … } or { "bytes": …, "perDays": … }'],
    ],
    [{ uplinks: 'w0' }, ['uplinks: expected a list of uplinks']],
    [{ stateDir: 'state' }, ['stateDir: expected an absolute path: it must not depend on where the agent is started']],
    [{ control: `/${'x'.repeat(120)}` }, ['control: expected at most 107 bytes, the limit of unix sockets']],
    [{ tun: { mtu: 100 } }, ['tun.mtu: expected 1280 or more (IPv6 needs it)']],
    [{ gpsd: { port: 70_000 } }, ['gpsd.port: expected a port to 65535']],
    [{ logLevel: 'loud' }, ['logLevel: expected one of debug, info, warn, error']],
    [[], ['expected a JSON object']],
  ])('%j: %j', (content, expected) => {
    expect(mistakes(content)).toEqual(expected);
  });

  test('tells all mistakes at once, and unknown keys by name', () => {
    expect(mistakes({ logLevle: 'info', stateDir: 'x', gpsd: { hots: 'a' } })).toEqual([
      'stateDir: expected an absolute path: it must not depend on where the agent is started',
      "gpsd.hots: is not a key of the agent's configuration",
      "logLevle: is not a key of the agent's configuration",
    ]);
  });

  test('that is no JSON, or not there, says so', () => {
    expect(mistakes('{')[0]).toMatch(/^is not JSON: /);
    expect(() => loadConfig(join(folder, 'none.json'))).toThrow(
      /none\.json: cannot be read: no such file or directory$/,
    );
  });
});
