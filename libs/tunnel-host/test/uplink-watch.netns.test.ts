import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./watch-uplinks.mjs', import.meta.url));
let folder = '';
let watcher: ChildProcess;
let lines: unknown[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-uplinks-'));
});

afterEach(async () => {
  if (watcher.exitCode === null && watcher.signalCode === null) {
    watcher.kill('SIGKILL');
    await once(watcher, 'exit');
  }
  rmSync(folder, { recursive: true });
});

/** Starts the watcher in a fresh namespace, after `setUp` ran there. */
async function start(setUp: string, ...devices: string[]): Promise<void> {
  const command = `${setUp}\nexec "$0" "$@"`;
  const argv = [process.execPath, SCRIPT, join(folder, 'state'), ...devices];
  watcher = spawn('unshare', ['--net', '--', 'setpriv', '--pdeathsig', 'KILL', 'sh', '-ec', command, ...argv], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  lines = [];
  watcher.stdout?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line));
  });
  await expect.poll(() => lines.includes('ready'), { timeout: 10_000 }).toBe(true);
}

function inside(command: string): string {
  return execFileSync('nsenter', [`--net=/proc/${watcher.pid}/ns/net`, '--', 'sh', '-ec', command], {
    encoding: 'utf8',
  });
}

const seen = (change: Record<string, unknown>) =>
  expect.poll(() => lines, { timeout: 5000, interval: 20 }).toContainEqual(change);

const rpFilter = (device: string) => inside(`cat /proc/sys/net/ipv4/conf/${device}/rp_filter`).trim();

test('uplinks appear, change their address, go, and come back under their name', async () => {
  await start('ip link set lo up', 'w0', 'wwan*');
  inside('ip link add w0 type veth peer name p0; ip link set p0 up; ip link set w0 up; ip addr add 10.1.0.2/24 dev w0');
  await seen({ uplink: 'w0', state: 'appeared', reason: 'has 10.1.0.2' });
  inside(
    'ip link add wwan3 type veth peer name p3; ip link set p3 up; ip link set wwan3 up; ip addr add 10.3.0.2/24 dev wwan3',
  );
  await seen({ uplink: 'wwan3', state: 'appeared', reason: 'has 10.3.0.2' });
  inside('ip addr add 10.9.0.77/24 dev w0; ip addr del 10.1.0.2/24 dev w0');
  await seen({ uplinks: ['w0', 'wwan3'], changed: ['w0'] });
  await seen({ uplink: 'w0', state: 'changed', reason: 'addresses now 10.9.0.77' });
  inside('ip link set wwan3 down');
  await seen({ uplink: 'wwan3', state: 'gone', reason: 'the interface is down' });
  inside('ip link del w0');
  await seen({ uplink: 'w0', state: 'gone', reason: 'the interface is gone' });
  inside('ip link add w0 type veth peer name p0; ip link set p0 up; ip link set w0 up; ip addr add 10.1.0.5/24 dev w0');
  await seen({ uplink: 'w0', state: 'appeared', reason: 'has 10.1.0.5' });
});

test('an interface that is replaced by another of its name is used again', async () => {
  await start(
    'ip link add w0 type veth peer name p0; ip addr add 10.1.0.2/24 dev w0; ip link set p0 up; ip link set w0 up',
    'w0',
  );
  const before = lines.length;
  inside(
    'ip link del w0; ip link add w0 type veth peer name p0; ip addr add 10.1.0.2/24 dev w0; ip link set p0 up; ip link set w0 up',
  );
  // Whether the gap between the two was seen is a matter of luck; that the new one is used is not.
  const states = () => lines.slice(before).map((line) => (line as { state?: string }).state);
  await expect
    .poll(() => states().filter((state) => state === 'changed' || state === 'appeared'), { timeout: 5000 })
    .toHaveLength(1);
});

test('a tentative IPv6 address waits for its duplicate check', async () => {
  await start('ip link add w0 type veth peer name p0; ip link set p0 up; ip link set w0 up', 'w0');
  inside('ip addr add fd01::2/64 dev w0');
  await seen({ uplink: 'w0', state: 'appeared', reason: 'has fd01::2' });
});

test('strict reverse-path filters are loosened while it runs and put back in the end', async () => {
  await start(
    `ip link add w0 type veth peer name p0; ip addr add 10.1.0.2/24 dev w0; ip link set p0 up; ip link set w0 up
     echo 1 > /proc/sys/net/ipv4/conf/w0/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter`,
    'w0',
  );
  expect(rpFilter('w0')).toBe('2');
  expect(existsSync(join(folder, 'state'))).toBe(true);
  const keeper = spawn('nsenter', [`--net=/proc/${watcher.pid}/ns/net`, '--', 'sleep', '30']);
  watcher.stdin?.end();
  await once(watcher, 'exit');
  const after = execFileSync(
    'nsenter',
    [`--net=/proc/${keeper.pid}/ns/net`, '--', 'cat', '/proc/sys/net/ipv4/conf/w0/rp_filter'],
    { encoding: 'utf8' },
  );
  keeper.kill();
  expect(after.trim()).toBe('1');
  expect(existsSync(join(folder, 'state'))).toBe(false);
});

test('loose and absent filters are left alone', async () => {
  await start(
    `ip link add w0 type veth peer name p0; ip addr add 10.1.0.2/24 dev w0; ip link set p0 up; ip link set w0 up
     ip link add w1 type veth peer name p1; ip addr add 10.2.0.2/24 dev w1; ip link set p1 up; ip link set w1 up
     echo 2 > /proc/sys/net/ipv4/conf/w0/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/w1/rp_filter
     echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter`,
    'w*',
  );
  expect([rpFilter('w0'), rpFilter('w1')]).toEqual(['2', '0']);
});
