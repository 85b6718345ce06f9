import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The demo as a user without a terminal sees it; `until` resolves with the output when a line matches. */
function startDemo(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, 'watch', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const waiting: (() => void)[] = [];
  const hear = (data: Buffer) => {
    output += data;
    for (const look of waiting) look();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(output) && resolve(output);
      waiting.push(look);
      look();
      ended.then(() => reject(new Error(`ended before ${pattern}: ${output}`)));
    });
  return { child, ended, until, output: () => output };
}

const doors = () => readdirSync(tmpdir()).filter((name) => name.startsWith('corridor-lab-'));

it('runs without a terminal, can be asked from outside, carries all traffic, and leaves nothing behind', async () => {
  const before = doors();
  const demo = startDemo(['--vehicles', '1']);
  const output = await demo.until(/vitals via w\d\S* [\d.]+ ms, longest gap.*web via w\d [\d.]+ m?s a page, [1-9]/);
  const socket = /--control (\S+)/.exec(output)?.[1] as string;
  await new Promise<void>((resolve, reject) => {
    const client = connect(socket, () => resolve(void client.destroy())).on('error', reject);
  });
  expect(output).toMatch(/video via w\d/);
  demo.child.kill('SIGTERM');
  await demo.ended;
  expect(doors()).toEqual(before);
});

it('ends by itself after --seconds, also in the middle of starting', async () => {
  const demo = startDemo(['--vehicles', '1', '--seconds', '1']);
  expect(await demo.ended).toBe(0);
  expect(demo.output()).toMatch(/starting a gateway and 1 vehicle\n/);
});

it('says in one sentence what it does not understand', async () => {
  const demo = startDemo(['--vehicles', '7']);
  expect(await demo.ended).toBe(2);
  expect(demo.output()).toBe('watch: --vehicles takes a whole number from 1 to 3, not "7".\n');
});
