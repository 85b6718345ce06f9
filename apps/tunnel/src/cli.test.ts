import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const BINARY = fileURLToPath(new URL('../bin/corridor-tunnel.js', import.meta.url));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-cli-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function corridorTunnel(args: string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BINARY, ...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

describe('keys', () => {
  test('keygen prints one base64 line of 32 bytes, another one each time', async () => {
    const [first, second] = await Promise.all([corridorTunnel(['keygen']), corridorTunnel(['keygen'])]);
    expect(first.stdout).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(first.stdout).not.toBe(second.stdout);
  });

  test('pubkey derives the public key (RFC 7748 section 6.1, Bob)', async () => {
    const bob = Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex');
    const { stdout } = await corridorTunnel(['pubkey'], `${bob.toString('base64')}\n`);
    expect(Buffer.from(stdout, 'base64').toString('hex')).toBe(
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    );
  });

  test('pubkey refuses what is no key', async () => {
    const { code, stderr, stdout } = await corridorTunnel(['pubkey'], 'secret\n');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('pubkey: expected a private key on standard input: 32 bytes as one base64 line');
    expect(stderr).not.toContain('secret');
  });
});

describe('wrong use is one sentence and exit code 2', () => {
  test.each([
    [['fly'], 'unknown command "fly"'],
    [['run'], '--config is missing'],
    [['run', '--control', 'x'], "run: Unknown option '--control'"],
    [['status'], '--control is missing'],
    [['status', '--control', 'x', 'more'], 'status: expected no further arguments'],
    [['policy', '--control', 'x'], 'policy: expected 1 further argument'],
    [['policy', '--control', 'x', 'none.json'], 'none.json: cannot be read: no such file or directory'],
    [['link', 'sideways', 'w0', '--control', 'x'], 'link: expected "down" or "up", not "sideways"'],
  ])('%j', async (args, sentence) => {
    const { code, stderr } = await corridorTunnel(args);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `corridor-tunnel: ${sentence}\nTry "corridor-tunnel help".\n`,
    });
  });
});

test('a wrong config ends run with 2 and one line a mistake', async () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, JSON.stringify({ role: 'vehicle', colour: 'red' }));
  const { code, stderr } = await corridorTunnel(['run', '--config', file]);
  expect(code).toBe(2);
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(6);
  expect(lines.every((line) => line.startsWith(`${file}: `))).toBe(true);
});

test('commands that need a running tunnel say that there is none', async () => {
  const { code, stderr } = await corridorTunnel(['status', '--control', join(folder, 'none.sock')]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `corridor-tunnel: ${join(folder, 'none.sock')}: no such control socket (is the tunnel running?)\n`,
  );
});

test('help and version', async () => {
  const help = await corridorTunnel(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('corridor-tunnel run --config FILE');
  expect((await corridorTunnel(['version'])).stdout).toMatch(/^corridor-tunnel \d+\.\d+\.\d+\n$/);
});
