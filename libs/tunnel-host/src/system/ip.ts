/** Talks to the kernel's network configuration through `ip` (iproute2). */
import { execFile } from 'node:child_process';
import type { Family } from '../address.js';
import { HostError } from '../errors.js';

/** One interface as `ip -json addr` tells it, reduced to what uplinks need. */
export interface InterfaceState {
  readonly name: string;
  readonly ifindex: number;
  /** Administratively up, and with a carrier where the device knows of one. */
  readonly up: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

export interface InterfaceAddress {
  readonly family: Family;
  readonly address: string;
  readonly scope: string;
}

// Capability-only users often lack the sbin directories in their path.
const PATH = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;

function run(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, PATH, LC_ALL: 'C' }, maxBuffer: 64 << 20, timeout: 10_000 };
    const child = execFile('ip', args as string[], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return reject(new HostError('ERR_HOST_SYSTEM', 'the program "ip" is missing: install iproute2'));
      }
      reject(new HostError('ERR_HOST_SYSTEM', stderr.trim() || error.message));
    });
    // A program that cannot be started has no pipe to write to; the callback above tells why.
    child.stdin?.on('error', () => {});
    if (input !== undefined) child.stdin?.end(input);
  });
}

/**
 * Runs several `ip` commands in one process, in order, up to the first that fails.
 * @throws HostError naming the command and the kernel's reason.
 */
export async function ipBatch(commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  try {
    await run(['-batch', '-'], `${commands.join('\n')}\n`);
  } catch (error) {
    throw explain(error as HostError, commands);
  }
}

/** iproute2 ends with "RTNETLINK answers: reason" and "Command failed -:LINE". */
function explain(error: HostError, commands: readonly string[]): HostError {
  const line = /Command failed -:(\d+)/.exec(error.message);
  const command = line ? commands[Number(line[1]) - 1] : undefined;
  if (command === undefined) return error;
  const reason = error.message
    .split('\n')
    .filter((text) => !text.startsWith('Command failed'))
    .join(' ')
    .replace(/^(RTNETLINK answers|Error): /, '');
  return new HostError('ERR_HOST_SYSTEM', `"ip ${command}" failed: ${reason}`);
}

interface JsonInterface {
  ifname?: string;
  ifindex?: number;
  flags?: string[];
  addr_info?: { family?: string; local?: string; scope?: string; tentative?: boolean; dadfailed?: boolean }[];
}

/** Reads every interface of this network namespace with its addresses. */
export async function readInterfaces(): Promise<InterfaceState[]> {
  const rows = JSON.parse(await run(['-json', 'addr', 'show'])) as JsonInterface[];
  // Some versions of iproute2 print empty objects for what a filter leaves out.
  return rows.filter((row) => row.ifname !== undefined && row.ifindex !== undefined).map(toInterface);
}

function toInterface(row: JsonInterface): InterfaceState {
  const flags = row.flags ?? [];
  const usable = (row.addr_info ?? []).filter((info) => info.tentative !== true && info.dadfailed !== true);
  return {
    name: row.ifname as string,
    ifindex: row.ifindex as number,
    up: flags.includes('UP') && !flags.includes('NO-CARRIER'),
    addresses: usable.map((info) => ({
      family: info.family === 'inet6' ? 6 : 4,
      address: info.local ?? '',
      scope: info.scope ?? '',
    })),
  };
}
