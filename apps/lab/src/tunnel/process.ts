/** One real `corridor-tunnel` process in its host, and the connection to its control socket. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlClient, type HostEvent, type HostStatus, type PolicyDocument } from '@corridor/tunnel-host';
import type { Netns } from '../sandbox/netns.js';
import type { TunnelFiles } from './config.js';

const BINARY = fileURLToPath(new URL('../../../tunnel/bin/corridor-tunnel.js', import.meta.url));
const START_TIMEOUT_MS = 20_000;
const LOOK_AGAIN_MS = 10;
const ANSWER_TIMEOUT_MS = 1000;
const END_TIMEOUT_MS = 4000;

/** Files of a tunnel called `name` in the lab's private directory. */
export function tunnelFiles(directory: string, name: string): TunnelFiles {
  return { privateKeyFile: `${directory}/${name}.key`, control: `${directory}/${name}.sock` };
}

export class TunnelProcess {
  private child: ChildProcess | undefined;
  private control: ControlClient | undefined;
  private stopping = false;
  private readonly configFile: string;
  private readonly logFile: string;

  /** @param onEvent hears what the tunnel reports. @param onDeath hears when it ends by itself, with its last words. */
  constructor(
    readonly name: string,
    private readonly host: Netns,
    private readonly files: TunnelFiles,
    directory: string,
    privateKey: string,
    config: unknown,
    private readonly onEvent: (event: HostEvent) => void,
    private readonly onDeath: (error: Error) => void,
  ) {
    this.configFile = `${directory}/${name}.json`;
    this.logFile = `${directory}/${name}.log`;
    writeFileSync(files.privateKeyFile, `${privateKey}\n`, { mode: 0o600 });
    writeFileSync(this.configFile, JSON.stringify(config, null, 2));
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process; resolves when its control socket answers. @throws Error with what it said. */
  async start(): Promise<void> {
    this.stopping = false;
    rmSync(this.files.control, { force: true });
    const log = openSync(this.logFile, 'a');
    // A group of its own: Ctrl-C on the terminal is the lab's to handle.
    const child = this.host.spawn(BINARY, ['run', '--config', this.configFile], {
      stdio: ['ignore', log, log],
      detached: true,
      // The file is run by itself, for the engine's flags in its first line; the engine shall be this one.
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    });
    closeSync(log);
    this.child = child;
    child.once('exit', (code, signal) => {
      if (this.child !== child) return;
      this.child = undefined;
      if (!this.stopping)
        this.onDeath(new Error(`${this.name} ended by itself (${signal ?? code}): ${this.lastWords()}`));
    });
    await this.connect(child);
  }

  /** kill -9, as a crash would end it. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Lets it end by itself. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async status(): Promise<HostStatus | undefined> {
    const { control } = this;
    // Being restarted, gone, or hanging: all the same to whoever asks.
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
    if (this.control === undefined) throw new Error(`${this.name} is not running`);
    await this.control.request('policy', { policy });
  }

  /** The end of its log. */
  lastWords(): string {
    const lines = readFileSync(this.logFile, 'utf8').trim().split('\n');
    return `\n${lines.slice(-12).join('\n')}`;
  }

  private async connect(child: ChildProcess): Promise<void> {
    const giveUp = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        this.control = await this.openControl();
        return;
      } catch (error) {
        if (this.child !== child) throw new Error(`${this.name} did not start: ${this.lastWords()}`);
        if (Date.now() > giveUp) throw new Error(`${this.name} did not answer: ${String(error)} ${this.lastWords()}`);
        await delay(LOOK_AGAIN_MS);
      }
    }
  }

  private async openControl(): Promise<ControlClient> {
    const control = await ControlClient.connect(this.files.control);
    // Closing makes the request fail; the caller then asks again.
    const impatience = setTimeout(() => control.close(), ANSWER_TIMEOUT_MS);
    try {
      await control.watch({ event: this.onEvent });
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
        `${this.name} did not end within ${END_TIMEOUT_MS} ms of ${signal} and was killed: ${this.lastWords()}`,
      );
      child.kill('SIGKILL');
    }, END_TIMEOUT_MS);
    await exited;
    clearTimeout(impatience);
  }
}
