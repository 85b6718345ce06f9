/** An external broker for a lab: mosquitto on the gateway's loopback, with the configuration and entry point of `deploy/`. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../sandbox/netns.js';

const DEPLOY = fileURLToPath(new URL('../../../../deploy/mosquitto', import.meta.url));
const PLUGINS = ['/usr/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
const plugin = PLUGINS.map((folder) => `${folder}/mosquitto_dynamic_security.so`).find(existsSync);
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const FOLDER = '/run/corridor-lab/mosquitto';
const PORT = 1884;
const START_TIMEOUT_MS = 10_000;

/** Is mosquitto with its plug-in on this machine? */
export function hasMosquitto(): boolean {
  return plugin !== undefined && spawnSync('mosquitto_ctrl', ['help'], { env: { PATH } }).error === undefined;
}

export class Mosquitto {
  private readonly password = randomBytes(18).toString('base64url');
  private child: ChildProcess | undefined;

  constructor(private readonly host: Netns) {
    mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
    const config = readFileSync(`${DEPLOY}/mosquitto.conf`, 'utf8')
      .replace('listener 1883', `listener ${PORT} 127.0.0.1`)
      .replace('/usr/lib/mosquitto_dynamic_security.so', plugin ?? '')
      .replaceAll('/mosquitto/data', FOLDER);
    // In the sandbox there may be no other user than root.
    writeFileSync(`${FOLDER}/mosquitto.conf`, `user root\n${config}`);
    writeFileSync(`${FOLDER}/password`, this.password, { mode: 0o600 });
  }

  /** For MQTT_URL. */
  get url(): string {
    return `mqtt://admin:${this.password}@127.0.0.1:${PORT}`;
  }

  /** Starts it, again with what it kept; resolves when it listens. @throws Error when it does not. */
  async start(): Promise<void> {
    const env = {
      ...process.env,
      PATH,
      MOSQUITTO_CONFIG: `${FOLDER}/mosquitto.conf`,
      MOSQUITTO_DATA: FOLDER,
      MQTT_ADMIN_PASSWORD_FILE: `${FOLDER}/password`,
    };
    this.child = this.host.spawn('sh', [`${DEPLOY}/entrypoint.sh`], { stdio: 'ignore', env });
    const giveUp = performance.now() + START_TIMEOUT_MS;
    while (!(await this.listens())) {
      if (performance.now() > giveUp || this.child.exitCode !== null) throw new Error('mosquitto did not start');
      await pause(50);
    }
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  private async listens(): Promise<boolean> {
    const { stdout } = await this.host.run('cat', ['/proc/net/tcp']);
    // Local address 127.0.0.1 (as the kernel writes it) with our port, state 0A: listening.
    return stdout.includes(`0100007F:${PORT.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`);
  }
}
