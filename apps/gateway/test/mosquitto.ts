import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const DEPLOY = fileURLToPath(new URL('../../../deploy/mosquitto/', import.meta.url));
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const PLUGINS = ['/usr/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
const plugin = PLUGINS.map((folder) => `${folder}/mosquitto_dynamic_security.so`).find(existsSync);

/** Why mosquitto cannot be tested on this machine, or undefined. */
export const mosquittoMissing: string | undefined =
  spawnSync('mosquitto_ctrl', ['help'], { env: ENVIRONMENT }).error !== undefined || plugin === undefined
    ? 'mosquitto with its dynamic security plug-in is not installed (Debian: apt-get install mosquitto)'
    : undefined;

const running = new Set<TestMosquitto>();
afterAll(async () => {
  await Promise.all([...running].map((broker) => broker.remove()));
});

/** A real mosquitto with the configuration and the entry point of `deploy/mosquitto`, on a port and in a folder of its own. */
export class TestMosquitto {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly password: string,
  ) {}

  static async start(): Promise<TestMosquitto> {
    const folder = mkdtempSync(join(tmpdir(), 'corridor-mosquitto-'));
    const port = await freePort();
    const broker = new TestMosquitto(folder, port, randomBytes(18).toString('base64url'));
    const config = readFileSync(join(DEPLOY, 'mosquitto.conf'), 'utf8')
      .replace('listener 1883', `listener ${port} 127.0.0.1`)
      .replace('/usr/lib/mosquitto_dynamic_security.so', plugin!)
      .replaceAll('/mosquitto/data', folder);
    // Debian's mosquitto may be started as root here, and the folder is not that user's.
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    writeFileSync(join(folder, 'mosquitto.conf'), `${user}${config}`);
    writeFileSync(join(folder, 'password'), broker.password, { mode: 0o600 });
    running.add(broker);
    await broker.run();
    return broker;
  }

  /** For `MQTT_URL`. */
  get url(): string {
    return `mqtt://admin:${this.password}@127.0.0.1:${this.port}`;
  }

  /** Starts it again on what it kept. */
  async run(): Promise<void> {
    const child = spawn('sh', [join(DEPLOY, 'entrypoint.sh')], {
      stdio: 'ignore',
      env: {
        ...ENVIRONMENT,
        MOSQUITTO_CONFIG: join(this.folder, 'mosquitto.conf'),
        MOSQUITTO_DATA: this.folder,
        MQTT_ADMIN_PASSWORD_FILE: join(this.folder, 'password'),
      },
    });
    this.#process = child;
    while (!(await answers(this.port))) {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  async remove(): Promise<void> {
    running.delete(this);
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Free a moment ago: mosquitto cannot be asked which port it got. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
