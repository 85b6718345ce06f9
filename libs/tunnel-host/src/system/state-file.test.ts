import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StateFile } from './state-file.js';

let folder = '';
let path = '';
const LO = '/proc/sys/net/ipv4/conf/lo/rp_filter';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-state-'));
  path = join(folder, 'veh.sock.state');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Start time of this process as the file notes it. */
function ownNote(): { pid: number; startedAt: string } {
  const state = StateFile.claim(path);
  const note = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; startedAt: string };
  state.close();
  return note;
}

describe('claiming', () => {
  test('makes a private file with the process in it, and takes it away again', () => {
    const state = StateFile.claim(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, settings: [] });
    state.close();
    expect(existsSync(path)).toBe(false);
  });

  test('is refused while the owner lives', () => {
    const state = StateFile.claim(path);
    expect(() => StateFile.claim(path)).toThrow(`${path}: a tunnel with process id ${process.pid} is running already`);
    state.close();
  });

  test('succeeds when the process id was used again by another process', () => {
    const note = ownNote();
    writeFileSync(path, JSON.stringify({ ...note, startedAt: '1', settings: [] }));
    StateFile.claim(path).close();
  });

  test.each(['', '{', 'null', '{"pid":"x"}', '[]'])('succeeds over a damaged file: %s', (text) => {
    writeFileSync(path, text);
    StateFile.claim(path).close();
    expect(existsSync(path)).toBe(false);
  });

  test('never writes what this module would not have written', () => {
    const target = join(folder, 'precious');
    writeFileSync(target, '2');
    const settings = [{ path: target, before: '0', after: '2' }];
    writeFileSync(path, JSON.stringify({ pid: 999_999_999, startedAt: '1', settings }));
    StateFile.claim(path).close();
    expect(readFileSync(target, 'utf8')).toBe('2');
  });

  test('without a file works in memory', () => {
    const state = StateFile.claim(undefined);
    state.close();
    expect(existsSync(path)).toBe(false);
  });
});

test('a setting that is right already is left alone', () => {
  const state = StateFile.claim(path);
  expect(state.change(LO, readFileSync(LO, 'utf8').trim())).toBe(false);
  expect(state.change('/proc/sys/net/ipv4/conf/no-such-device/rp_filter', '2')).toBe(false);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ settings: [] });
  state.close();
});
