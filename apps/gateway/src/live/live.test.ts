import type { LiveDiff, LiveSnapshot, RecordedEvent } from '@corridor/contracts';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { testFrame, testPath } from '../../test/frames.js';
import { startGateway, type TestClient, type TestGateway } from '../../test/gateway.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';

type Message = LiveSnapshot | LiveDiff;

let gateway: TestGateway;
let events: DomainEvents;
let vehicleId: string;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  gateway = await startGateway({ listen: true });
  events = gateway.get(DomainEvents);
  vehicleId = (await gateway.admin.post('/api/v1/vehicles', { name: 'RTW 1' })).body.id as string;
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

/** A browser's end of the feed, as the contract says: numbers are checked, a missed one is an error. */
class Listener {
  readonly messages: Message[] = [];
  readonly socket: WebSocket;
  #waiting: (() => void)[] = [];
  closed: { code: number; reason: string } | undefined;

  constructor(client: TestClient, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${gateway.url.replace('https', 'wss')}/api/v1/live`, {
      headers: { ...client.headers, ...headers },
      rejectUnauthorized: false,
    });
    sockets.push(this.socket);
    this.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      const last = this.messages.at(-1);
      if (last && message.seq !== last.seq + 1) throw new Error(`${message.seq} follows ${last.seq}`);
      this.messages.push(message);
      this.#wake();
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#wake();
    });
    this.socket.on('error', () => undefined);
  }

  /** Resolves with the first message for which `test` answers something. */
  async first<T>(test: (message: Message) => T | undefined, from = 0): Promise<T> {
    for (let at = from; ; at++) {
      while (at >= this.messages.length) {
        if (this.closed) throw new Error(`closed with ${this.closed.code}: ${this.closed.reason}`);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      const found = test(this.messages[at]!);
      if (found !== undefined) return found;
    }
  }

  snapshot(from = 0): Promise<LiveSnapshot> {
    return this.first((message) => (message.kind === 'live-snapshot' ? message : undefined), from);
  }

  diff<T>(test: (diff: LiveDiff) => T | undefined, from = 0): Promise<T> {
    return this.first((message) => (message.kind === 'live-diff' ? test(message) : undefined), from);
  }

  async end(): Promise<{ code: number; reason: string }> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.closed;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Status of the answer with which an upgrade was refused; 101 when it was not. */
function upgrade(client: TestClient, headers: Record<string, string> = {}): Promise<number> {
  const { socket } = new Listener(client, headers);
  return new Promise((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
  });
}

function frameOf(rttUs: number) {
  return {
    vehicleId,
    frame: testFrame({ paths: [testPath('wwan0', { rttUs })] }),
    atMs: Date.now(),
    heardAtMs: Date.now(),
  };
}

function switchEvent(): RecordedEvent {
  const event = {
    kind: 'event' as const,
    v: 1 as const,
    type: 'path-switch' as const,
    reason: 'wwan0 is suspect',
    before: { mode: 'single', copies: 0, repairPermille: 0 },
    after: { mode: 'copies', copies: 0, repairPermille: 0 },
  };
  return { id: newId(), at: new Date().toISOString(), vehicleId, source: 'gateway', event };
}

describe('the upgrade', () => {
  it('is refused without a session, and from pages of other sites', async () => {
    expect(await upgrade(gateway.anonymous)).toBe(401);
    expect(await upgrade(gateway.admin, { origin: 'https://elsewhere.test' })).toBe(403);
    expect(await upgrade(gateway.admin, { origin: gateway.url, 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await upgrade(gateway.admin, { origin: gateway.url, 'sec-fetch-site': 'same-origin' })).toBe(101);
  });

  it('is refused to a token without the permissions', async () => {
    const { body } = await gateway.admin.post('/api/v1/tokens', {
      name: 'policies',
      scopes: ['policy:read', 'fleet:read'],
    });
    const { socket } = new Listener(gateway.anonymous, { authorization: `Bearer ${body.token as string}` });
    const status = await new Promise((resolve) =>
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode)),
    );
    expect(status).toBe(403);
  });
});

describe('a client', () => {
  it('gets a snapshot, then what changes and nothing else', async () => {
    const listener = new Listener(gateway.admin);
    const snapshot = await listener.snapshot();
    expect(snapshot.vehicles.map(({ name }) => name)).toContain('RTW 1');
    events.emit('gateway-frame', frameOf(31_000));
    const changed = await listener.diff((diff) => diff.changed.find(({ id }) => id === vehicleId));
    expect(changed.status?.links?.[0]?.gateway?.rttUs).toBe(31_000);
    expect(changed.status?.tunnel?.state).toBe('live');
    expect(Object.keys(changed)).toEqual(['id', 'status']);
    expect(Object.keys(changed.status ?? {}).sort()).toEqual(['links', 'tunnel']);
  });

  it('sees a path switch, once, and so does who comes later', async () => {
    const listener = new Listener(gateway.admin);
    await listener.snapshot();
    const event = switchEvent();
    events.emit('event-recorded', event);
    events.emit('event-recorded', event);
    const seen = await listener.diff((diff) => (diff.events.length > 0 ? diff.events : undefined));
    expect(seen).toEqual([event]);
    const again = await new Listener(gateway.admin).snapshot();
    expect(again.events.filter(({ id }) => id === event.id)).toEqual([event]);
  });

  it('hears of vehicles that are made, renamed and archived', async () => {
    const listener = new Listener(gateway.admin);
    await listener.snapshot();
    const { body } = await gateway.admin.post('/api/v1/vehicles', { name: 'RTW 9' });
    const id = body.id as string;
    const added = await listener.diff((diff) => diff.added.find((vehicle) => vehicle.id === id));
    expect(added).toMatchObject({ name: 'RTW 9', status: { tunnel: { state: 'never' } } });
    await gateway.admin.patch(`/api/v1/vehicles/${id}`, { name: 'NEF 9' });
    const changed = await listener.diff((diff) => diff.changed.find((vehicle) => vehicle.id === id));
    expect(changed).toEqual({ id, name: 'NEF 9' });
    await gateway.admin.delete(`/api/v1/vehicles/${id}`);
    expect(await listener.diff((diff) => diff.removed.find((removed) => removed === id))).toBe(id);
  });

  it('that missed something asks for a new snapshot, and goes on from its number', async () => {
    const listener = new Listener(gateway.admin);
    await listener.snapshot();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const from = listener.messages.length;
    listener.socket.send('no JSON');
    listener.socket.send(JSON.stringify({ kind: 'live-resync', v: 1 }));
    const second = await listener.snapshot(from);
    expect(second.seq).toBeGreaterThan(0);
    events.emit('gateway-frame', frameOf(32_000));
    await listener.diff((diff) => diff.changed[0], listener.messages.indexOf(second));
  });

  it('hears something every two seconds, even when nothing happens', async () => {
    const listener = new Listener(gateway.admin);
    await listener.snapshot();
    await listener.diff((diff) => (diff.changed.length === 0 && diff.events.length === 0 ? true : undefined));
  });

  it('is sent away when its operator logs out or is changed, and when it talks too much', async () => {
    const auditor = await gateway.operator('auditor');
    const listener = new Listener(auditor);
    await listener.snapshot();
    await auditor.delete('/api/v1/session');
    expect((await listener.end()).code).toBe(4401);
    expect(await upgrade(auditor)).toBe(401);
    const talker = new Listener(gateway.admin);
    await talker.snapshot();
    for (let count = 0; count <= 100; count++) talker.socket.send('x');
    expect((await talker.end()).code).toBe(4429);
  });

  it('that stops reading gets no backlog, and shows the truth when it reads again', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) => gateway.admin.post('/api/v1/vehicles', { name: `KTW ${index}` })),
    );
    const ids = made.map(({ body }) => body.id as string);
    const [slow, quick] = [new Listener(gateway.admin), new Listener(gateway.admin)];
    await Promise.all([slow.snapshot(), quick.snapshot()]);
    slow.socket.pause();
    // 20 vehicles of 32 paths each: half a megabyte a diff, until more waits than the kernel buffers for one connection.
    const names = Array.from({ length: 32 }, (_, index) => `wwan${index}`);
    const tell = (rttUs: number) => {
      const paths = names.map((name) => testPath(name, { rttUs }));
      for (const id of ids) events.emit('gateway-frame', { ...frameOf(0), vehicleId: id, frame: testFrame({ paths }) });
    };
    let told = 0;
    let diffs = 0;
    while (diffs < 40) {
      tell(++told);
      const seen = quick.messages.length;
      await quick.diff((diff) => diff.changed.find(({ id }) => id === ids[0]), seen);
      diffs++;
    }
    slow.socket.resume();
    const last = (message: Message) => {
      const vehicles = message.kind === 'live-snapshot' ? message.vehicles : message.changed;
      const rtts = ids.map((id) => vehicles.find((vehicle) => vehicle.id === id)?.status?.links?.[0]?.gateway?.rttUs);
      return rtts.every((rttUs) => rttUs === told) ? rtts : undefined;
    };
    expect(await slow.first(last)).toHaveLength(20);
    const read = slow.messages.filter((message) => message.kind === 'live-snapshot' || message.changed.length > 0);
    expect(read.length).toBeLessThan(diffs);
  });

  it('that sends more than a resync takes is cut off', async () => {
    const listener = new Listener(gateway.admin);
    await listener.snapshot();
    listener.socket.send('x'.repeat(2_000));
    expect((await listener.end()).code).toBe(1009);
  });
});
