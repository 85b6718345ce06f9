import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settingsMarkdown, settingsTable } from './table.js';

const whole = readFileSync(fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url)), 'utf8');
/** The part about the gateway: the page's first; another begins with the next heading of that rank. */
const [page] = whole.split(/\n# /) as [string];

describe('docs/configuration.md', () => {
  it('holds the table of the settings as the gateway reads them', () => {
    const table = page
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .join('\n');
    expect(table).toBe(settingsMarkdown());
  });

  it('says the same as --help', () => {
    for (const name of page.match(/^\| `(\w+)`/gm)!) expect(settingsTable()).toContain(name.slice(3, -1));
  });
});
