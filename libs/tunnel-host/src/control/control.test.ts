import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HostError } from '../errors.js';
import type { HostEvent, HostStatus } from '../status.js';
import { ControlClient } from './client.js';
import { MAX_CONTROL_LINE } from './protocol.js';
import { ControlServer, type ControlTarget } from './server.js';

const STATUS = { role: 'vehicle', atUs: 5, peers: [], uplinks: [] } as unknown as HostStatus;
const WARNING: HostEvent = { type: 'warning', atUs: 1, reason: 'look' };

/** Remembers what it was asked. */
class Target implements ControlTarget {
  readonly asked: unknown[] = [];
  readonly listeners = new Set<(event: HostEvent) => void>();
  async status() {
    return STATUS;
  }
  async setPolicy(policy: { version?: number }) {
    this.asked.push(policy);
    if (policy.version === 0) throw new HostError('ERR_POLICY', 'version: expected more than 1');
    return 2;
  }
  async setPathBlocked(name: string, blocked: boolean, vehicle: string | undefined) {
    this.asked.push([name, blocked, vehicle]);
  }
  onEvent(listener: (event: HostEvent) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

let folder = '';
let path = '';
let target: Target;
let server: ControlServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-control-'));
  path = join(folder, 'c.sock');
  target = new Target();
  server = await ControlServer.listen(path, target);
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Sends raw lines and collects the answers until `count` came. */
function raw(lines: string, count: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(lines));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const answers = text.split('\n').slice(0, -1);
      if (answers.length < count) return;
      socket.destroy();
      resolve(answers.map((line) => JSON.parse(line) as unknown));
    });
    socket.on('error', reject);
  });
}

describe('requests', () => {
  test('status, policy and link reach the target and come back', async () => {
    const client = await ControlClient.connect(path);
    expect(await client.status()).toEqual(STATUS);
    const policy = { default: { strategy: 'redundant' }, classes: [] };
    expect(await client.request('policy', { policy })).toEqual({ version: 2 });
    await client.request('link', { name: 'w0', blocked: true });
    await client.request('link', { name: 'w0', blocked: false, vehicle: 'rtw-1' });
    expect(target.asked).toEqual([policy, ['w0', true, undefined], ['w0', false, 'rtw-1']]);
    client.close();
  });

  test('a refusal carries code and sentence', async () => {
    const client = await ControlClient.connect(path);
    const refused = client.request('policy', { policy: { version: 0, default: { strategy: 'x' }, classes: [] } });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_POLICY', message: 'version: expected more than 1' });
    client.close();
  });

  test('many at once are told apart', async () => {
    const client = await ControlClient.connect(path);
    expect(await Promise.all(Array.from({ length: 50 }, () => client.status()))).toEqual(Array(50).fill(STATUS));
    client.close();
  });

  test.each([
    ['no json', 0, 'ERR_CONTROL_REQUEST'],
    ['{"id":3}', 0, 'ERR_CONTROL_REQUEST'],
    ['{"id":4,"method":"explode"}', 4, 'ERR_CONTROL_METHOD'],
    ['{"id":5,"method":"link","params":{"name":"w0"}}', 5, 'ERR_CONTROL_REQUEST'],
    ['{"id":6,"method":"link","params":{"name":"w0","blocked":true,"more":1}}', 6, 'ERR_CONTROL_REQUEST'],
    ['{"id":7,"method":"watch","params":{"intervalMs":1}}', 7, 'ERR_CONTROL_REQUEST'],
  ])('%s is refused, and the connection lives on', async (line, id, code) => {
    const [refusal, answer] = await raw(`${line}\n{"id":9,"method":"status"}\n`, 2);
    expect(refusal).toMatchObject({ id, error: { code } });
    expect(answer).toEqual({ id: 9, result: STATUS });
  });

  test('a line without end is cut off', async () => {
    const socket = connect(path);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.write('x'.repeat(MAX_CONTROL_LINE + 1));
    await closed;
  });
});

describe('watch', () => {
  test('streams events, and statuses when asked', async () => {
    const client = await ControlClient.connect(path);
    const events: HostEvent[] = [];
    const status = new Promise((resolve) => {
      void client.watch({ event: (event) => events.push(event), status: resolve }, 100).then(() => {
        for (const listener of target.listeners) listener(WARNING);
      });
    });
    expect(await status).toEqual(STATUS);
    expect(events).toEqual([WARNING]);
    client.close();
  });

  test('ends with its connection', async () => {
    const client = await ControlClient.connect(path);
    await client.watch({});
    expect(target.listeners.size).toBe(1);
    client.close();
    await client.closed;
    await expect.poll(() => target.listeners.size).toBe(0);
  });
});

describe('the socket', () => {
  test('is for its owner only', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('answers whoever connects the moment it appears', async () => {
    const early = join(folder, 'early.sock');
    const connected = (async () => {
      for (;;) {
        try {
          return await ControlClient.connect(early);
        } catch {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    })();
    const listening = ControlServer.listen(early, target);
    const client = await connected;
    expect(await client.status()).toEqual(STATUS);
    client.close();
    await (await listening).close();
  });

  test('of a living tunnel is not taken', async () => {
    await expect(ControlServer.listen(path, target)).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
    const client = await ControlClient.connect(path);
    expect(await client.status()).toEqual(STATUS);
    client.close();
  });

  test('of a dead one is replaced', async () => {
    const stale = join(folder, 'stale.sock');
    // Node removes the file when a server closes; an abandoned descriptor of another process does not. A closed
    // server whose file is put back by rename looks the same.
    const old = createServer();
    await new Promise<void>((resolve) => old.listen(`${stale}.old`, resolve));
    const { renameSync } = await import('node:fs');
    renameSync(`${stale}.old`, stale);
    await new Promise((resolve) => old.close(resolve));
    expect(statSync(stale).isSocket()).toBe(true);
    const again = await ControlServer.listen(stale, target);
    const client = await ControlClient.connect(stale);
    expect(await client.status()).toEqual(STATUS);
    client.close();
    await again.close();
  });

  test('does not overwrite a file', async () => {
    const file = join(folder, 'precious.txt');
    writeFileSync(file, 'x');
    await expect(ControlServer.listen(file, target)).rejects.toThrow('precious.txt: exists and is not a socket');
  });

  test('goes with the server, and its clients are told', async () => {
    const client = await ControlClient.connect(path);
    await server.close();
    await client.closed;
    await expect(client.status()).rejects.toMatchObject({ code: 'ERR_CONTROL_CLOSED' });
    await expect(ControlClient.connect(path)).rejects.toThrow('no such control socket');
  });
});
