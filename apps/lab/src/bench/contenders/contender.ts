import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Netns } from '../../sandbox/netns.js';

/** Two hosts with one cable between them: where every contender builds its tunnel. */
export interface Pair {
  readonly left: Netns;
  readonly right: Netns;
  /** Device of the cable in the left host. */
  readonly leftDevice: string;
  /** Addresses on the cable itself. */
  readonly leftAddress: string;
  readonly rightAddress: string;
  /** A folder for keys and logs that goes with the sandbox. */
  readonly folder: string;
}

/** A way of getting packets from the left host to the right one. */
export interface Contender {
  readonly name: string;
  /** Answers the standing tunnel, or in a few words why there is none here ("not installed"). */
  start(pair: Pair): Promise<Running | string>;
}

export interface Running {
  /** Version and what is set that is not the default. */
  readonly detail: string;
  /** Address of the right host through the tunnel. */
  readonly target: string;
  /** Processes that are the tunnel: their CPU time is its price. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** First line that a program says about its version, or undefined when it is not installed. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  return `${stdout}${stderr}`.trim().split('\n')[0] ?? '';
}

/** Ends a process and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const reluctant = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await gone;
  clearTimeout(reluctant);
}

/** Waits until a few bytes get to the iperf3 server at `target`. @throws Error saying who does not carry them. */
export async function carries(left: Netns, target: string, who: string): Promise<void> {
  let last = '';
  for (let i = 0; i < 50; i++) {
    const { code, stdout, stderr } = await left.run('iperf3', ['-c', target, '-n', '1K', '--connect-timeout', '500']);
    if (code === 0) return;
    last = `${stdout}${stderr}`.trim();
    await pause(200);
  }
  throw new Error(`${who} carries nothing to ${target}: ${last}`);
}
