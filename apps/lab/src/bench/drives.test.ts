import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTraces, readTraces } from './drives.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-traces-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('traces from a folder', () => {
  it('are pairs, in the order of their names', () => {
    for (const file of ['b.up', 'b.down', 'a.up', 'a.down', 'lonely.up', 'README.md']) {
      writeFileSync(join(folder, file), '1\n7\n');
    }
    expect(readTraces(folder)).toEqual([
      { name: 'a', up: [1, 7], down: [1, 7] },
      { name: 'b', up: [1, 7], down: [1, 7] },
    ]);
    expect(findTraces(folder).operators).toHaveLength(2);
  });

  it('are refused in one sentence that names the file or the folder', () => {
    expect(() => readTraces(folder)).toThrow(/--traces: no NAME.up/);
    expect(() => readTraces(join(folder, 'nowhere'))).toThrow(/--traces: .*nowhere/);
    writeFileSync(join(folder, 'a.up'), 'one\n');
    writeFileSync(join(folder, 'a.down'), '1\n');
    expect(() => readTraces(folder)).toThrow(/^a\.up: line 1/);
  });
});
