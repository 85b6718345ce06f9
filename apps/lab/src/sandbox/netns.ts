/**
 * Hosts of the lab: one network namespace each, made and configured with `ip`, entered with `nsenter`.
 *
 * Only for use inside the sandbox, whose end is also theirs.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  /** Killed after this long. Default 30 s. */
  readonly timeoutMs?: number;
}

/** Forwarding on, strict source checks off (uplinks are asymmetric by design), no waiting for duplicate addresses. */
const HOST_SYSCTLS = [
  'net/ipv4/ip_forward=1',
  'net/ipv4/conf/all/rp_filter=0',
  'net/ipv4/conf/default/rp_filter=0',
  'net/ipv6/conf/all/disable_ipv6=0',
  'net/ipv6/conf/default/disable_ipv6=0',
  'net/ipv6/conf/all/forwarding=1',
  'net/ipv6/conf/default/forwarding=1',
  'net/ipv6/conf/default/accept_dad=0',
  'net/ipv6/conf/all/accept_dad=0',
];

export class Netns {
  private constructor(
    /** Name under which `ip netns` knows it. */
    readonly name: string,
  ) {}

  /** Namespace file, as packet-io's `netns` option takes it. */
  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Makes a host with its loopback up. */
  static async create(name: string): Promise<Netns> {
    const host = new Netns(name);
    await mustRun('ip', ['netns', 'add', name]);
    await host.sysctl(HOST_SYSCTLS);
    await host.ip(['link set lo up']);
    return host;
  }

  /** Runs lines of `ip -batch` in this host. @throws Error with what `ip` said. */
  async ip(lines: readonly string[]): Promise<void> {
    await mustRun('ip', ['-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Sets `path/below/proc/sys=value` lines. */
  async sysctl(settings: readonly string[]): Promise<void> {
    // /proc/sys/net shows the namespace of whoever looks; IPv6 may be missing in the kernel: then its lines are moot.
    const script = settings.map((line) => {
      const [key, value] = line.split('=');
      return `[ ! -e /proc/sys/${key} ] || echo ${value} > /proc/sys/${key}`;
    });
    await mustRun('nsenter', [`--net=${this.path}`, 'sh', '-ec', script.join('\n')]);
  }

  /** Runs a command in this host and waits for it; never throws for its exit code. */
  run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand('nsenter', [`--net=${this.path}`, '--', command, ...args], options);
  }

  /** Starts a command in this host. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('nsenter', [`--net=${this.path}`, '--', command, ...args], options);
  }

  async delete(): Promise<void> {
    await mustRun('ip', ['netns', 'delete', this.name]);
  }
}

/** A cable between two hosts; both ends are up. */
export async function connect(a: Netns, deviceA: string, b: Netns, deviceB: string): Promise<void> {
  await a.ip([`link add ${deviceA} type veth peer name ${deviceB} netns ${b.name}`, `link set ${deviceA} up`]);
  await b.ip([`link set ${deviceB} up`]);
}

/** Is a command there? */
export async function hasCommand(command: string): Promise<boolean> {
  return (await runCommand('sh', ['-c', `command -v ${command}`])).code === 0;
}

export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}) {
  return new Promise<CommandResult>((resolve) => {
    const timeout = options.timeoutMs ?? 30_000;
    const settings = { timeout, killSignal: 'SIGKILL', maxBuffer: 1 << 26, encoding: 'utf8' } as const;
    const child = execFile(command, [...args], settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr: stderr || (error?.message ?? '') });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

async function mustRun(command: string, args: readonly string[], options: CommandOptions = {}): Promise<void> {
  const done = await runCommand(command, args, options);
  if (done.code === 0) return;
  const what = [command, ...args].join(' ') + (options.input === undefined ? '' : ` (${options.input.trim()})`);
  throw new Error(`"${what}" failed: ${done.stderr.trim().split('\n')[0] ?? ''}`);
}
