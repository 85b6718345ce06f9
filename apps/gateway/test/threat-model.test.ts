import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGE = join(import.meta.dirname, '../../../docs/threat-model.md');
const text = readFileSync(PAGE, 'utf8').replaceAll('\n', ' ');

/** Each link to a test, with the names that are quoted behind it. */
const references = [...text.matchAll(/\]\((\.\.\/[^)]+\.test\.ts)\): ((?:"[^"]+"(?:, )?)+)/g)].map((match) => ({
  file: join(dirname(PAGE), match[1]!),
  names: [...match[2]!.matchAll(/"([^"]+)"/g)].map((name) => name[1]!),
}));

describe('docs/threat-model.md', () => {
  it('names a test for each thing that protects', () => {
    const rows = readFileSync(PAGE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| what protects'));
    expect(rows.filter((row) => !/\.test\.ts\): "/.test(row))).toEqual([]);
    expect(rows.length).toBeGreaterThan(25);
  });

  it('names only tests that exist, by words that stand in them', () => {
    const missing = references.flatMap(({ file, names }) => {
      const source = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return names.filter((name) => !source.includes(name)).map((name) => `${file}: ${name}`);
    });
    expect(missing).toEqual([]);
    expect(references.length).toBeGreaterThan(35);
  });
});
