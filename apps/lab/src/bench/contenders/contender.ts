import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
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

/** Waits until the right host answers pings at `target`. @throws Error saying who did not. */
export async function answers(left: Netns, target: string, who: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const { code } = await left.run('ping', ['-c', '1', '-W', '1', '-i', '0.2', target]);
    if (code === 0) return;
  }
  throw new Error(`${who} does not carry packets: ${target} did not answer any of 50 pings`);
}
