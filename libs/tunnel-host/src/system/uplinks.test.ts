import type { NetworkInterface } from '@corridor/packet-io';
import { describe, expect, test } from 'vitest';
import { matchesDevice, planUplinks, type Uplink } from './uplinks.js';

const device = (name: string, ifindex: number, addresses: string[], up = true): NetworkInterface => ({
  name,
  ifindex,
  up,
  addresses: addresses.map((address) => ({
    family: address.includes(':') ? 6 : 4,
    address,
    scope: address.startsWith('fe80') ? 'link' : address.startsWith('127') ? 'host' : 'global',
  })),
});

const plan = (wanted: string[], interfaces: NetworkInterface[], previous: readonly Uplink[] = []) =>
  planUplinks(
    wanted.map((name) => ({ device: name })),
    interfaces,
    [4],
    ['cor0'],
    previous,
  );

test.each([
  ['w0', 'w0', true],
  ['w0', 'w01', false],
  ['wwan*', 'wwan0', true],
  ['wwan*', 'wwan', true],
  ['wwan*', 'xwwan0', false],
  ['*', 'eth0.100', true],
  ['enx*u1', 'enx0011u1', true],
  ['e.h0', 'eth0', false],
  ['e.h*', 'eth0', false],
])('pattern %s against %s: %s', (pattern, name, expected) => {
  expect(matchesDevice(pattern, name)).toBe(expected);
});

describe('planUplinks', () => {
  test('takes interfaces that are up and have a usable address, in the order of the config', () => {
    const { uplinks } = plan(
      ['w1', 'w*'],
      [
        device('w0', 3, ['10.0.0.2']),
        device('w1', 4, ['10.1.0.2']),
        device('w2', 5, ['10.2.0.2'], false),
        device('eth0', 6, ['10.3.0.2']),
      ],
    );
    expect(uplinks.map(({ name }) => name)).toEqual(['w1', 'w0']);
  });

  test('never takes the tunnel itself, the loopback by pattern, or link-local addresses', () => {
    const { uplinks } = planUplinks(
      [{ device: '*' }],
      [device('cor0', 9, ['10.77.0.2']), device('lo', 1, ['127.0.0.1']), device('w0', 3, ['fe80::1'])],
      [4, 6],
      ['cor0'],
      [],
    );
    expect(uplinks).toEqual([]);
  });

  test('takes the loopback when it is named', () => {
    expect(plan(['lo'], [device('lo', 1, ['127.0.0.1'])]).uplinks).toHaveLength(1);
  });

  test('the first entry that matches sets priority and cost', () => {
    const { uplinks } = planUplinks(
      [
        { device: 'w0', priority: 3 },
        { device: 'w*', metered: true },
      ],
      [device('w0', 3, ['10.0.0.2']), device('w1', 4, ['10.1.0.2'])],
      [4],
      [],
      [],
    );
    expect(uplinks.map(({ name, priority, metered }) => [name, priority, metered])).toEqual([
      ['w0', 3, false],
      ['w1', 1, true],
    ]);
  });

  test('only families that the gateway listens on count', () => {
    expect(plan(['w0'], [device('w0', 3, ['2001:db8::2'])]).uplinks).toEqual([]);
  });

  test('tells what appeared, changed and went, and why', () => {
    const before = plan(
      ['w*'],
      [
        device('w0', 3, ['10.0.0.2']),
        device('w1', 4, ['10.1.0.2']),
        device('w2', 5, ['10.2.0.2']),
        device('w3', 6, ['10.3.0.2']),
      ],
    );
    expect(before.changes.every(({ state }) => state === 'appeared')).toBe(true);
    const after = plan(
      ['w*'],
      [
        device('w0', 3, ['10.0.0.9']),
        device('w1', 44, ['10.1.0.2']),
        device('w3', 6, []),
        device('w4', 7, ['10.4.0.2']),
      ],
      before.uplinks,
    );
    expect(after.changes).toEqual([
      { uplink: 'w2', state: 'gone', reason: 'the interface is gone' },
      { uplink: 'w3', state: 'gone', reason: 'no address left that can reach the gateway' },
      { uplink: 'w0', state: 'changed', reason: 'addresses now 10.0.0.9' },
      { uplink: 'w4', state: 'appeared', reason: 'has 10.4.0.2' },
      { uplink: 'w1', state: 'changed', reason: 'is a new interface with 10.1.0.2' },
    ]);
  });

  test('an unchanged machine is no change', () => {
    const interfaces = [device('w0', 3, ['10.0.0.2'])];
    expect(plan(['w0'], interfaces, plan(['w0'], interfaces).uplinks).changes).toEqual([]);
  });
});
