/** The demo fleet as a person starts it, for tests: in a data folder of its own, on any port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface DemoFleet {
  readonly url: string;
  readonly password: string;
  /** Everything it printed. */
  output(): string;
  /** Asks it to end, as Ctrl-C does; answers the exit code. */
  end(): Promise<number | null>;
}

/** Resolves when the demo says that it stands. @throws Error with what it said when it ends instead. */
export async function startDemoFleet(data: string, ...args: readonly string[]): Promise<DemoFleet> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'fleet', '--data', data, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const stands = new Promise<RegExpExecArray>((resolve, reject) => {
    const hear = (bytes: Buffer) => {
      output += bytes;
      const match = /Console\s+(\S+)\s+Login\s+admin\s+Password\s+(\S+)/.exec(output);
      if (match !== null) resolve(match);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    ended.then((code) => reject(new Error(`the demo ended with ${code}: ${output}`)));
  });
  const [, url, password] = (await stands) as unknown as [string, string, string];
  const end = () => {
    child.kill('SIGINT');
    return ended;
  };
  return { url, password, output: () => output, end };
}

/** Runs a command of the lab to its end; answers what it printed. @throws Error with it when it fails. */
export function runLab(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const hear = (bytes: Buffer) => {
    output += bytes;
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(output))));
  });
}
