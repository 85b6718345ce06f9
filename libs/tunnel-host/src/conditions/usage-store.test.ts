import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageFile } from './usage-store.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-usage-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('what was written last is read, by its owner only, and nothing else is left', () => {
  const path = join(folder, 'usage.json');
  const store = new UsageFile(path);
  expect(store.read()).toBeUndefined();
  store.write('one');
  store.write('two');
  expect(new UsageFile(path).read()).toBe('two');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['usage.json']);
});

it('a folder that is not there is an error that says so', () => {
  expect(() => new UsageFile(join(folder, 'none', 'usage.json')).write('one')).toThrow(/ENOENT/);
});
