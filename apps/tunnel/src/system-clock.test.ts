import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isSynchronised, SystemClock } from './system-clock.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-clock-'));
  path = process.env.PATH ?? '';
  process.env.PATH = folder;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

test.each([
  ['echo yes', true],
  ['echo no', false],
  ['echo yes; exit 1', false],
  [undefined, false],
])('a timedatectl that does "%s": %s', async (does, expected) => {
  if (does !== undefined) {
    const script = `#!/bin/sh\ntest "$*" = "show --property=NTPSynchronized --value" || exit 1\n${does}\n`;
    writeFileSync(join(folder, 'timedatectl'), script);
    chmodSync(join(folder, 'timedatectl'), 0o755);
  }
  expect(await isSynchronised()).toBe(expected);
});

test('the clock counts once it is set, and is asked about no more than once a minute before', async () => {
  vi.useFakeTimers();
  const answers = [false, true];
  const asked = vi.fn(async () => answers.shift() ?? false);
  const clock = new SystemClock(asked);
  for (let i = 0; i < 5; i++) expect(clock.trustedNowMs()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(59_999);
  expect(clock.trustedNowMs()).toBeUndefined();
  expect(asked).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  clock.trustedNowMs();
  await vi.advanceTimersByTimeAsync(1);
  expect(clock.trustedNowMs()).toBe(Date.now());
  expect(asked).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});
