/** A gateway in a process of its own with everything embedded, the control plane only, in a folder that goes with it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Rest } from './rest.mjs';

const PROGRAM = fileURLToPath(new URL('../../bin/corridor-gateway.js', import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
/** USER_HZ, the unit of times in /proc/<pid>/stat: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/**
 * @param {string | undefined} profileFolder where V8 writes a CPU profile of the gateway when it ends
 * @returns {Promise<{ socket: string, password: string, usage: () => { rssBytes: number, cpuSeconds: number }, stop: () => Promise<void> }>}
 */
export async function startGateway(profileFolder) {
  const folder = mkdtempSync(join(tmpdir(), 'corridor-load-'));
  const socket = join(folder, 'http.sock');
  const password = randomBytes(18).toString('base64url');
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 });
  // Its first line names the engine's flags, so it is run itself, unless there are more flags.
  const profiling = profileFolder && [
    '--single-threaded-gc',
    '--no-memory-reducer',
    '--cpu-prof',
    `--cpu-prof-dir=${profileFolder}`,
  ];
  const child = spawn(profiling ? process.execPath : PROGRAM, profiling ? [...profiling, PROGRAM] : [], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      CORRIDOR_DATA: join(folder, 'data'),
      CORRIDOR_TUNNEL: 'off',
      CORRIDOR_LISTEN: 'off',
      CORRIDOR_HTTP_SOCKET: socket,
      CORRIDOR_METRICS_LISTEN: 'off',
      CORRIDOR_ADMIN_PASSWORD_FILE: join(folder, 'password'),
      CORRIDOR_LOG_LEVEL: 'warn',
    },
  });
  const said = [];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    for (const line of text.split('\n').filter((one) => one !== '')) {
      said.push(line);
      if (said.length <= 20) process.stderr.write(`gateway: ${line.slice(0, 400)}\n`);
    }
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(patience);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(child, socket);
  } catch (error) {
    await stop();
    throw error;
  }
  return { socket, password, stop, warnings: () => said.length, usage: () => usageOf(child.pid) };
}

async function ready(child, socket) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const rest = new Rest(socket);
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with code ${child.exitCode}`);
    const isReady =
      existsSync(socket) &&
      (await rest.get('/health/ready').then(
        () => true,
        () => false,
      ));
    if (isReady) return;
    await sleep(50);
  }
  throw new Error(`the gateway was not ready within ${START_TIMEOUT_MS / 1000} s`);
}

function usageOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { cpuSeconds: (fields[11] + fields[12]) / TICKS_PER_SECOND, rssBytes: fields[21] * PAGE_BYTES };
}
