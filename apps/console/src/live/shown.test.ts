import type { LiveVehicle, PathMetrics } from '@corridor/contracts';
import { expect, it } from 'vitest';
import { linkTitle, linkViews, uplinkOf } from './shown.js';

const DIRECTION = { delayVariationUs: 0, jitterUs: 0, lossRatio: 0, rateBps: 0, packets: 0, bytes: 0, lost: 0 };
const PATH: PathMetrics = {
  name: 'wwan0',
  state: 'up',
  rttUs: 40_000,
  minRttUs: 30_000,
  send: DIRECTION,
  receive: DIRECTION,
};

const viewOf = (path: PathMetrics) =>
  linkViews({
    status: { links: [{ name: 'wwan0', vehicle: path, gateway: null }], classes: [] },
  } as unknown as LiveVehicle)[0];

it.each<[string, Partial<PathMetrics>, object]>([
  ['nothing', {}, { roaming: false, capReached: false, capUsed: null }],
  ['a part of its data', { usedBytes: 1e9, capBytes: 4e9 }, { capReached: false, capUsed: 0.25 }],
  [
    'all of it, roaming',
    { roaming: true, capReached: true, usedBytes: 5e9, capBytes: 4e9 },
    { roaming: true, capReached: true, capUsed: 1.25 },
  ],
])('a link that has used %s', (_name, told, shown) => {
  expect(viewOf({ ...PATH, ...told })).toMatchObject(shown);
});

it('a path over TLS says so, and is called after its uplink', () => {
  expect(viewOf({ ...PATH, kind: 'tls' })).toMatchObject({ overTls: true });
  expect(viewOf(PATH)).toMatchObject({ overTls: false });
  const vehicle = { uplinks: [{ name: 'wwan0', operator: 'Telekom', label: '' }] } as unknown as LiveVehicle;
  expect(uplinkOf('wwan0/tls')).toBe('wwan0');
  expect(linkTitle(vehicle, 'wwan0')).toBe('Telekom');
  expect(linkTitle(vehicle, 'wwan0/tls')).toBe('Telekom (TLS)');
  expect(linkTitle(vehicle, 'wwan1/tls')).toBe('wwan1/tls');
});
