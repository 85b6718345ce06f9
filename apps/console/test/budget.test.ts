import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildConsole } from './built.js';

/**
 * What a browser has to fetch, in kB of gzip: measured, then a tenth more. To raise one, say in the commit what the
 * operator gets for it.
 */
const BUDGETS = [
  {
    what: 'the fleet list: page, script and style',
    pattern: /^(index|status|src|rolldown-runtime|use-resource)-.*\.(js|css)$/,
    kB: 140,
  },
  { what: 'the vehicle page with its charts', pattern: /^VehiclePage-.*\.(js|css)$/, kB: 44 },
  { what: 'the map library', pattern: /^FleetMap-.*\.(js|css)$/, kB: 335 },
  { what: 'the map’s worker', pattern: /^maplibre-gl-worker-.*\.mjs$/, kB: 165 },
  { what: 'countries of the world', pattern: /^countries-50m-.*\.json$/, kB: 260 },
  { what: 'the font, Latin', pattern: /^inter-latin-wght-normal-.*\.woff2$/, kB: 54 },
];

describe('the bundle', { timeout: 120_000 }, () => {
  let built: Awaited<ReturnType<typeof buildConsole>>;
  let files: string[];
  beforeAll(async () => {
    built = await buildConsole();
    files = readdirSync(join(built.dist, 'assets'));
  }, 120_000);
  afterAll(() => built?.remove());

  it.each(BUDGETS)('$what: at most $kB kB', ({ pattern, kB }) => {
    const matching = files.filter((file) => pattern.test(file) && !/\.(gz|br)$/.test(file));
    expect(matching).not.toEqual([]);
    const bytes = matching.reduce(
      (sum, file) => sum + gzipSync(readFileSync(join(built.dist, 'assets', file))).length,
      0,
    );
    expect(bytes / 1000).toBeLessThanOrEqual(kB);
    expect(bytes / 1000, 'far below its budget: lower the budget').toBeGreaterThan(kB * 0.6);
  });

  it('has no inline script, and hashed names for everything below assets', () => {
    const html = readFileSync(join(built.dist, 'index.html'), 'utf8');
    for (const [tag] of html.matchAll(/<script[^>]*>/g)) expect(tag).toContain('src=');
    expect(html).not.toMatch(/style=|onload=|https?:/);
    for (const file of files) expect(file).toMatch(/-[\w-]{8}\.\w+(\.gz|\.br)?$/);
  });
});
