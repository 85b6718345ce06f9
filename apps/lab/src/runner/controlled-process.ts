/** One real program in its host (corridor-tunnel, gateway or agent), and the connection to its tunnel's control socket. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient, type HostEvent, type HostStatus, type PolicyDocument } from '@corridor/tunnel-host';
import type { Netns } from '../sandbox/netns.js';

const START_TIMEOUT_MS = 30_000;
const LOOK_AGAIN_MS = 10;
const ANSWER_TIMEOUT_MS = 1000;
const END_TIMEOUT_MS = 8000;
const LAST_LINES = 12;

/** The environment without what is only the lab's own: the programs complain about variables that they do not know. */
const OUTER_ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CORRIDOR_')));

export interface ProgramPlan {
  /** What messages call it. */
  readonly name: string;
  readonly host: Netns;
  readonly argv: readonly string[];
  /** Beside the lab's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it opens its control socket. */
  readonly control: string;
  readonly logFile: string;
  /** Hears what its tunnel reports. */
  readonly onEvent: (event: HostEvent) => void;
  /** Hears when it ends by itself, with its last words. */
  readonly onDeath: (error: Error) => void;
}

export class ControlledProcess {
  private child: ChildProcess | undefined;
  private control: ControlClient | undefined;
  private stopping = false;

  constructor(readonly plan: ProgramPlan) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process; resolves when its control socket answers. @throws Error with what it said. */
  async start(): Promise<void> {
    await this.connect(this.launch());
  }

  /** Starts the process and does not wait for its control socket. */
  launch(): ChildProcess {
    const { name, host, argv, env, logFile, control } = this.plan;
    this.stopping = false;
    rmSync(control, { force: true });
    const log = openSync(logFile, 'a', 0o600);
    const [command, ...args] = argv;
    // A group of its own: Ctrl-C on the terminal is the lab's to handle.
    const child = host.spawn(command as string, args, {
      stdio: ['ignore', log, log],
      detached: true,
      // Programs name `node` in their first line, with the engine's flags; the engine shall be this one.
      env: { ...OUTER_ENV, ...env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    });
    closeSync(log);
    this.child = child;
    child.once('exit', (code, signal) => {
      if (this.child !== child) return;
      this.child = undefined;
      this.control?.close();
      this.control = undefined;
      if (!this.stopping)
        this.plan.onDeath(new Error(`${name} ended by itself (${signal ?? code}): ${this.lastWords()}`));
    });
    return child;
  }

  /** kill -9, as a crash would end it. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Lets it end by itself. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Undefined while it is being restarted, gone or hanging: all the same to whoever asks. */
  async status(): Promise<HostStatus | undefined> {
    const { control } = this;
    const impatience = setTimeout(() => control?.close(), ANSWER_TIMEOUT_MS * 5);
    try {
      return await control?.status();
    } catch {
      return undefined;
    } finally {
      clearTimeout(impatience);
    }
  }

  async setPolicy(policy: PolicyDocument): Promise<void> {
    if (this.control === undefined) throw new Error(`${this.plan.name} is not running`);
    await this.control.request('policy', { policy });
  }

  /** The end of its log. */
  lastWords(): string {
    const lines = readFileSync(this.plan.logFile, 'utf8').trim().split('\n');
    return `\n${lines.slice(-LAST_LINES).join('\n')}`;
  }

  /** Waits for the control socket. */
  async connect(child: ChildProcess): Promise<void> {
    const { name } = this.plan;
    const giveUp = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        this.control = await this.openControl();
        return;
      } catch (error) {
        if (this.child !== child) throw new Error(`${name} did not start: ${this.lastWords()}`);
        if (Date.now() > giveUp) throw new Error(`${name} did not answer: ${String(error)} ${this.lastWords()}`);
        await delay(LOOK_AGAIN_MS);
      }
    }
  }

  private async openControl(): Promise<ControlClient> {
    const control = await ControlClient.connect(this.plan.control);
    // Closing makes the request fail; the caller then asks again.
    const impatience = setTimeout(() => control.close(), ANSWER_TIMEOUT_MS);
    try {
      await control.watch({ event: this.plan.onEvent });
    } finally {
      clearTimeout(impatience);
    }
    return control;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.stopping = true;
    const { child } = this;
    this.control?.close();
    this.control = undefined;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const impatience = setTimeout(() => {
      console.error(
        `${this.plan.name} did not end within ${END_TIMEOUT_MS} ms of ${signal} and was killed: ${this.lastWords()}`,
      );
      child.kill('SIGKILL');
    }, END_TIMEOUT_MS);
    await exited;
    clearTimeout(impatience);
  }
}
