import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayConfig } from '../config/gateway-config.js';
import { Listeners } from './listeners.js';

let folder: string;
let path: string;
const open: (Listeners | Server)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-listeners-'));
  path = join(folder, 'http.sock');
});
afterEach(() => {
  for (const one of open.splice(0)) one instanceof Listeners ? one.stop() : one.close();
  rmSync(folder, { recursive: true, force: true });
});

function listeners(): Listeners {
  const config = new GatewayConfig({ CORRIDOR_LISTEN: 'off', CORRIDOR_HTTP_SOCKET: path });
  const made = new Listeners(config, null, (_, response) => response.end());
  open.push(made);
  return made;
}

describe('the unix socket of a gateway', () => {
  it('takes the place of one that a killed gateway left behind', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(statSync(path).isSocket()).toBe(true);
    await listeners().listen();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('does not take it from a gateway that lives', async () => {
    const other = createServer();
    open.push(other);
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(listeners().listen()).rejects.toThrow('CORRIDOR_HTTP_SOCKET: cannot listen: already in use');
  });

  it('removes no file that is something else', async () => {
    writeFileSync(path, 'precious');
    await expect(listeners().listen()).rejects.toThrow('CORRIDOR_HTTP_SOCKET: cannot listen: already in use');
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });
});
