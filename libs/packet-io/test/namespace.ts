import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A sanitizer is preloaded for the addon's own process, not for `ip` and its like, in which it finds faults, too. */
const env = { ...process.env, LD_PRELOAD: '' };

/** A network namespace with nothing but loopback; it lives as long as a child process that waits in it. */
export class Namespace {
  private constructor(private readonly holder: ChildProcess) {}

  static async create(): Promise<Namespace> {
    const holder = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up && echo ready && exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
    const ended = once(holder, 'exit').then(() => {
      throw new Error('unshare -n failed: these tests need CAP_SYS_ADMIN');
    });
    await Promise.race([once(holder.stdout!, 'data'), ended]);
    ended.catch(() => {});
    return new Namespace(holder);
  }

  get pid(): number {
    return this.holder.pid!;
  }

  /** For `netns` options. */
  get path(): string {
    return `/proc/${this.pid}/ns/net`;
  }

  /** Runs `ip` commands, one a line, in the namespace; answers what they printed. */
  ip(...lines: string[]): string {
    const run = (line: string): string =>
      execFileSync('nsenter', [`--net=${this.path}`, 'ip', ...line.split(' ')], {
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
        env,
      });
    return lines.map(run).join('');
  }

  /** Waits until the kernel takes packets for an IPv6 address: it inserts the local route from a work queue. */
  awaitLocal(address: string): void {
    while (!this.ip('-6 route show table local').includes(`local ${address} `));
  }

  /** Starts JavaScript (CommonJS, one string) in a process inside the namespace; answers what it printed. */
  async node(source: string): Promise<string> {
    const child = spawn('nsenter', [`--net=${this.path}`, process.execPath, '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`the script ended with ${code}`);
    return output.trim();
  }

  async close(): Promise<void> {
    const ended = once(this.holder, 'exit');
    this.holder.stdin!.end();
    await ended;
  }
}
