import { expect, test } from 'vitest';
import { pathTags, uplinkLine } from './uplink-text.js';

const UPLINK = { name: 'wwan0', ifindex: 3, addresses: [], priority: 1, metered: true };

test('tags of a path', () => {
  expect(pathTags({ metered: false, roaming: false, capReached: false })).toBe('');
  expect(pathTags({ metered: true, roaming: false, capReached: true })).toBe(' (metered, cap reached)');
  expect(pathTags({ metered: false, roaming: true, capReached: false })).toBe(' (roaming)');
});

test('an uplink with cap and modem', () => {
  const cap = { usedBytes: 3_200_000_000, capBytes: 5_000_000_000 };
  const modem = { roaming: true, signal: 0.62, operator: 'Orange F', technology: 'lte' };
  expect(uplinkLine({ ...UPLINK, ...cap, ...modem, capSince: '2026-11-15T00:00:00.000Z' })).toBe(
    'wwan0: 3.20 GB of 5.00 GB since 2026-11-15; roaming in Orange F, lte, signal 62 %',
  );
  expect(uplinkLine({ ...UPLINK, ...cap })).toBe('wwan0: 3.20 GB of 5.00 GB since the cap was set');
  expect(uplinkLine({ ...UPLINK, usedBytes: 0, capBytes: 250e6 })).toBe(
    'wwan0: 0.0 MB of 250.0 MB since the cap was set',
  );
  expect(uplinkLine({ ...UPLINK, roaming: false })).toBe('wwan0: at home');
  expect(uplinkLine(UPLINK)).toBeUndefined();
});
