/**
 * The sandbox: everything in the lab happens in network, mount and process namespaces of its own.
 *
 * The lab starts itself again under `unshare`. Inside it is process 1: when it goes, for whatever reason, the kernel
 * kills every process below it and takes namespaces, interfaces, mounts and files with them. Nothing has to be cleaned
 * up, not even after kill -9, and the machine's own interfaces cannot be reached.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { Socket } from 'node:net';

const INSIDE = 'CORRIDOR_LAB_SANDBOX';
/** A pipe from outside: any byte on it stands for SIGINT, its end tells the inside that the outside is gone. */
const LIFELINE_FD = 3;

/**
 * The garbage collector's helper threads have ordinary priority: on a busy machine a collection in the emulator's
 * thread would wait for them (17 ms seen instead of 0.3). The memory reducer collects without need, just when a
 * scenario runs.
 */
const ENGINE_FLAGS = ['--single-threaded-gc', '--no-memory-reducer'];

/** A lab cannot run here; the message is one sentence for people. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly code = 'ERR_SANDBOX';
}

export function insideSandbox(): boolean {
  return process.env[INSIDE] === '1';
}

/**
 * Runs `entry` with `args` inside a new sandbox, on this terminal, and answers its exit code.
 *
 * @param env beside the environment of this process.
 *
 * @throws SandboxError when this machine does not allow it.
 */
export async function runInSandbox(
  entry: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  checkTools();
  const inside = [process.execPath, ...process.execArgv, ...ENGINE_FLAGS, entry, ...args];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...unshareFlags(), ...inside], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, ...env, [INSIDE]: '1' },
  });
  const lifeline = child.stdio[LIFELINE_FD];
  lifeline?.on('error', () => {});
  // On a terminal Ctrl-C reaches the inside by itself; a signal that somebody sent has to be passed on.
  const interrupt = () => {
    if (!process.stdin.isTTY && lifeline instanceof Socket) lifeline.write('i');
  };
  const letGo = () => lifeline?.destroy();
  process.on('SIGINT', interrupt).on('SIGTERM', letGo).on('SIGHUP', letGo);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new SandboxError(`the sandbox could not be started: ${error.message}.`)));
      child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)));
    });
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', letGo).off('SIGHUP', letGo);
  }
}

/** First thing inside: a private /run for `ip netns` and the lab's files, and the lifeline. */
export function settleInSandbox(onOutsideGone: () => void): void {
  // Process 1 of a namespace is spared every signal that it does not handle: without a handler Ctrl-C would do nothing.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  }
  run('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=512m', 'tmpfs', '/run']);
  mkdirSync('/run/netns');
  run('ip', ['link', 'set', 'lo', 'up']);
  try {
    const lifeline = new Socket({ fd: LIFELINE_FD, readable: true });
    lifeline.on('close', onOutsideGone).on('error', () => {});
    lifeline.on('data', () => process.kill(process.pid, 'SIGINT')).unref();
  } catch {
    // Started by hand without the pipe: the process group's own signals have to do.
  }
}

function unshareFlags(): string[] {
  const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return process.getuid?.() === 0 ? flags : ['--user', '--map-root-user', ...flags];
}

/** Says in one sentence what is missing, before half a lab stands. */
function checkTools(): void {
  for (const [tool, probe] of [
    ['ip', ['-V']],
    ['unshare', ['--version']],
    ['nsenter', ['--version']],
    ['setpriv', ['--version']],
  ] as const) {
    const { error } = spawnSync(tool, probe, { stdio: 'pipe' }) as { error?: NodeJS.ErrnoException };
    if (error?.code !== 'ENOENT') continue;
    const owner = tool === 'ip' ? 'iproute2' : 'util-linux';
    throw new SandboxError(`the lab needs the command "${tool}" (package ${owner}), which was not found.`);
  }
  const unshared = spawnSync('unshare', [...unshareFlags(), 'true'], { encoding: 'utf8' });
  if (unshared.status !== 0) {
    throw new SandboxError(
      'this system does not let the lab make namespaces of its own ' +
        `(${firstLine(unshared.stderr)}); run it as root, or allow unprivileged user namespaces.`,
    );
  }
  checkTun();
}

function checkTun(): void {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    closeSync(openSync('/dev/net/tun', 'r+'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SandboxError(
      `the lab cannot open /dev/net/tun (${why}); load the module "tun", or pass the device into the container.`,
    );
  }
}

function run(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.status === 0) return;
  throw new SandboxError(`"${command} ${args.join(' ')}" failed inside the sandbox: ${firstLine(done.stderr)}.`);
}

function firstLine(text: string | null | undefined): string {
  return (text ?? '').trim().split('\n')[0] || 'no reason given';
}
