/** What may fail around the tunnels, in short; `npm run lab -- chaos --kills 50` and `outages --seconds 60` are the long runs. */
import { expect, it } from 'vitest';
import { hasMosquitto } from '../src/faults/mosquitto.js';
import { runLab } from './demo-fleet.js';

const LONG_MS = 300_000;

/** Lost packets of each outage, from the command's table. */
function lost(output: string): Record<string, number> {
  const rows = output.matchAll(/^([a-z-]+)\s+\d+\s+\d+\s+(\d+)\s/gm);
  return Object.fromEntries([...rows].map(([, outage, count]) => [outage, Number(count)]));
}

it(
  'loses no packet of a tunnel while the database is frozen or dead, or the main thread wedged, and heals',
  async () => {
    const outages = ['database-frozen', 'database-killed', 'gateway-wedged'];
    const output = await runLab('outages', ...outages, '--seconds', '4');
    expect(lost(output)).toEqual({ 'database-frozen': 0, 'database-killed': 0, 'gateway-wedged': 0 });
  },
  LONG_MS,
);

it.skipIf(!hasMosquitto())(
  'the same while an external broker is stopped (needs mosquitto)',
  async () => {
    expect(lost(await runLab('outages', 'broker-stopped', '--seconds', '4'))).toEqual({ 'broker-stopped': 0 });
  },
  LONG_MS,
);

it(
  'loses nothing that was confirmed when gateway and agents are killed at random moments',
  async () => {
    expect(await runLab('chaos', '--kills', '3')).toMatch(
      /3 kills: \d+ confirmed rows and versions, none lost, none used twice/,
    );
  },
  LONG_MS,
);

it(
  'pushes policies through to real vehicles',
  async () => {
    expect(await runLab('pushes', '--count', '4')).toMatch(/4 policies saved over REST[\s\S]*p99/);
  },
  LONG_MS,
);
