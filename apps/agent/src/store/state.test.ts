import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TrustedClock } from '../clock/trusted-clock.js';
import { makeKeyPair } from '../identity/keys.js';
import { readChecked, writeChecked } from './checked-file.js';
import { nextSession } from './session.js';
import { State, type StoredDevice } from './state.js';

let folder = '';
let warnings: string[];
let state: State;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-state-'));
  warnings = [];
  state = State.open(join(folder, 'state'), (sentence) => warnings.push(sentence));
});

afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(state.directory, name);

async function device(): Promise<StoredDevice> {
  return {
    url: 'https://gateway.example:8443/',
    fingerprint: null,
    claimId: '01a20792-6c57-7268-ad63-934cb5284d25',
    deviceId: '01a20792-6c57-7268-ad63-934cb5284d26',
    state: 'active',
    keys: await makeKeyPair(),
  };
}

describe('state', () => {
  test('is for its owner only, and comes back as it went', async () => {
    const stored = await device();
    state.write('device', stored);
    expect(state.read('device')).toEqual(stored);
    expect(statSync(state.directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(state.directory)) expect(statSync(path(name)).mode & 0o777).toBe(0o600);
    expect(state.read('credentials')).toBeUndefined();
  });

  test.each([
    ['empty', (file: string) => truncateSync(file, 0)],
    ['cut short', (file: string) => truncateSync(file, 100)],
    [
      'with one bit turned',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 20]! ^= 1;
        writeFileSync(file, bytes);
      },
    ],
    ['gone', (file: string) => rmSync(file)],
  ])('a file that is %s is replaced by its copy, with a warning', async (_, damage) => {
    const stored = await device();
    state.write('device', stored);
    damage(path('device.json'));
    expect(state.read('device')).toEqual(stored);
    expect(warnings).toEqual([expect.stringMatching(/device\.json was damaged: its copy was used$/)]);
  });

  test('when the copy is damaged too, the error says what to do', async () => {
    state.write('device', await device());
    for (const name of ['device.json', 'device.json.copy']) truncateSync(path(name), 50);
    expect(() => state.read('device')).toThrow(/device\.json and its copy are damaged: .*enrol anew/);
    expect(state.readOr('device')).toBeUndefined();
  });

  test('what another version wrote is refused, not guessed', () => {
    writeChecked(path('session.json'), '"seven"');
    expect(() => state.read('session')).toThrow(/session\.json is not of this version/);
  });

  test('a write that fails leaves what was there', async () => {
    const stored = await device();
    state.write('device', stored);
    // A folder that is not empty stands where the temporary file should be: as on a full disk, nothing can be written.
    mkdirSync(`${path('device.json')}.new/x`, { recursive: true });
    expect(() => state.write('device', { ...stored, state: 'pending' })).toThrow(/device\.json cannot be written/);
    expect(state.read('device')).toEqual(stored);
  });

  test('wipe leaves no file', async () => {
    state.write('device', await device());
    state.write('session', 4);
    state.wipe();
    expect(readdirSync(state.directory)).toEqual([]);
  });
});

test('a process that is killed while it writes leaves the old content or the new, never a part', async () => {
  const file = path('x.json');
  // Its own small writer, with the same three steps, as the source is TypeScript; big enough to be interrupted.
  const script = `
    import { writeChecked } from ${JSON.stringify(new URL('../../dist/store/checked-file.js', import.meta.url).href)};
    for (let n = 0; ; n++) { writeChecked(${JSON.stringify(file)}, String(n % 10).repeat(300000)); process.stdout.write('.'); }`;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, round * 3));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const found = readChecked(file);
    expect(found.state).toBe('good');
    if (found.state === 'good') expect(found.text).toMatch(/^(\d)\1{299999}$/);
  }
});

describe('the number of a start', () => {
  const clock = new TrustedClock(
    { gatewayMs: 1_800_000_000_000, bootId: 'a', monoMs: 0, tokenEndsMonoMs: 0 },
    'a',
    () => 1000,
  );
  const next = () => nextSession(state, clock, (sentence) => warnings.push(sentence));

  test('counts', () => {
    expect([next(), next(), next()]).toEqual([1, 2, 3]);
  });

  test('is above every number before, also when the count is lost', () => {
    for (let n = 0; n < 5; n++) next();
    for (const name of ['session.json', 'session.json.copy']) truncateSync(path(name), 10);
    expect(next()).toBe(1_800_000_001);
    expect(next()).toBe(1_800_000_002);
  });
});
