import type { LiveDiff, LiveSnapshot, RecordedEvent, Vehicle, VehicleStatus } from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../kernel/ids.js';
import { StatusRecord } from '../telemetry/status-record.js';
import { LiveClient, type Socket } from './live-client.js';
import { OrganisationFeed } from './organisation-feed.js';

/** A connection that takes bytes only when it is told to. */
class SlowSocket implements Socket {
  bufferedAmount = 0;
  pings = 0;
  readonly messages: (LiveSnapshot | LiveDiff)[] = [];
  #parts = '';
  #queue: string[] = [];

  send(data: string | Buffer, { fin }: { fin: boolean }): void {
    this.#parts += String(data);
    this.bufferedAmount += Buffer.byteLength(String(data));
    if (!fin) return;
    this.#queue.push(this.#parts);
    this.#parts = '';
  }

  drain(): void {
    this.messages.push(...this.#queue.map((text) => JSON.parse(text) as LiveSnapshot | LiveDiff));
    this.#queue = [];
    this.bufferedAmount = 0;
  }

  ping(): void {
    this.pings++;
  }

  close(): void {}

  terminate(): void {}
}

const NO_POLICY = {
  target: 0,
  targetDigest: null,
  applied: 0,
  appliedDigest: null,
  state: 'none' as const,
  reason: '',
  at: null,
};

/** The house behind a feed: what the registry and the status service know. */
class House {
  readonly vehicles = new Map<string, Vehicle>();
  readonly statuses = new Map<string, VehicleStatus>();
  readonly events: string[] = [];
  readonly feed = new OrganisationFeed((id) => this.statuses.get(id)!);
  nowMs = Date.UTC(2026, 10, 23);

  put(id: string, name: string): void {
    this.statuses.set(id, this.statuses.get(id) ?? this.status('a'));
    const vehicle = {
      id,
      name,
      group: null,
      notes: '',
      overlayAddresses: [],
      networks: [],
      createdAt: '2026-11-23T00:00:00.000Z',
      archivedAt: null,
      device: null,
      uplinks: [],
      status: this.statuses.get(id)!,
    };
    this.vehicles.set(id, vehicle);
    this.feed.put(vehicle);
  }

  remove(id: string): void {
    this.vehicles.delete(id);
    this.feed.remove(id);
  }

  /** @param padding makes a change of so many bytes */
  change(id: string, why: string, padding = 0): void {
    if (!this.vehicles.has(id)) return;
    this.statuses.set(id, this.status(`${why}${'.'.repeat(padding)}`));
    this.feed.touch(id);
  }

  event(vehicleId: string): void {
    const event: RecordedEvent = {
      id: newId(),
      at: '2026-11-23T00:00:00.000Z',
      vehicleId,
      source: 'gateway',
      event: { kind: 'event', v: 1, type: 'agent', reason: '' },
    };
    this.events.push(event.id);
    this.feed.event(event);
  }

  flush(...clients: LiveClient[]): void {
    this.nowMs += 100;
    const update = this.feed.update();
    const body = Buffer.from(`${update.body}}`);
    for (const client of clients) client.update(update, body, this.nowMs);
  }

  /** What a console should show now. */
  truth(): Map<string, [string, string]> {
    return new Map([...this.vehicles.values()].map(({ id, name }) => [id, [name, this.statuses.get(id)!.tunnel.why]]));
  }

  private status(why: string): VehicleStatus {
    const status = new StatusRecord().status(NO_POLICY);
    return { ...status, tunnel: { ...status.tunnel, why } };
  }
}

/** A console: applies messages as the contract says. */
function shown(messages: readonly (LiveSnapshot | LiveDiff)[]) {
  const vehicles = new Map<string, [string, string]>();
  const events = new Set<string>();
  messages.forEach((message, index) => {
    expect(message.seq).toBe((messages[0]?.seq ?? 0) + index);
    for (const { id } of message.events) events.add(id);
    if (message.kind === 'live-snapshot') {
      vehicles.clear();
      for (const { id, name, status } of message.vehicles) vehicles.set(id, [name, status.tunnel.why]);
      return;
    }
    for (const { id, name, status } of message.added) vehicles.set(id, [name, status.tunnel.why]);
    for (const { id, name, status } of message.changed) {
      const before = vehicles.get(id);
      expect(before, 'only known vehicles change').toBeDefined();
      vehicles.set(id, [name ?? before![0], status?.tunnel?.why ?? before![1]]);
    }
    for (const id of message.removed) expect(vehicles.delete(id), 'only known vehicles go').toBe(true);
  });
  return { vehicles, events };
}

describe('a client that does not keep up', () => {
  function house(vehicles: number): { house: House; socket: SlowSocket; client: LiveClient } {
    const house = new House();
    for (let index = 0; index < vehicles; index++) house.put(`v${index}`, `RTW ${index}`);
    house.feed.update();
    const socket = new SlowSocket();
    const client = new LiveClient(socket, house.feed);
    client.snapshot(house.nowMs);
    return { house, socket, client };
  }

  it('gets nothing until its buffer is empty, then one diff in place of many', () => {
    const { house: own, socket, client } = house(100);
    socket.drain();
    own.change('v1', 'big', 600_000);
    own.flush(client);
    for (let round = 0; round < 50; round++) {
      own.change('v2', `round ${round}`);
      own.flush(client);
    }
    expect(client.behind).toBe(true);
    expect(socket.bufferedAmount).toBeLessThan(620_000);
    socket.drain();
    own.flush(client);
    socket.drain();
    expect(socket.messages.map(({ kind }) => kind)).toEqual(['live-snapshot', 'live-diff', 'live-diff']);
    expect((socket.messages[2] as LiveDiff).changed.map(({ id }) => id)).toEqual(['v2']);
    expect(shown(socket.messages).vehicles).toEqual(own.truth());
  });

  it('gets a new snapshot when it missed most of the fleet', () => {
    const { house: own, socket, client } = house(100);
    socket.drain();
    own.change('v1', 'big', 600_000);
    own.flush(client);
    for (let index = 0; index < 60; index++) own.change(`v${index}`, 'moved');
    own.flush(client);
    socket.drain();
    own.flush(client);
    socket.drain();
    expect(socket.messages.map(({ kind }) => kind)).toEqual(['live-snapshot', 'live-diff', 'live-snapshot']);
    expect(shown(socket.messages).vehicles).toEqual(own.truth());
  });

  it('and whose buffer does not shrink for half a minute is stuck', () => {
    const { house: own, socket, client } = house(10);
    own.change('v1', 'big', 600_000);
    own.flush(client);
    own.flush(client);
    expect(client.behind).toBe(true);
    own.nowMs += 29_000;
    expect(client.stuck(own.nowMs)).toBe(false);
    socket.bufferedAmount -= 1;
    own.flush(client);
    own.nowMs += 29_000;
    expect(client.stuck(own.nowMs)).toBe(false);
    own.nowMs += 1_000;
    expect(client.stuck(own.nowMs)).toBe(true);
  });

  it('or answers no ping is gone', () => {
    const { client, socket } = house(1);
    expect(client.ping()).toBe(true);
    client.pong();
    expect(client.ping()).toBe(true);
    expect(client.ping()).toBe(false);
    expect(socket.pings).toBe(2);
  });
});

it('every console shows the truth in the end, however slow it was, and no vehicle out of nowhere on the way', () => {
  const id = fc.constantFrom('v0', 'v1', 'v2', 'v3', 'v4', 'v5');
  const step = fc.oneof(
    fc.record({ do: fc.constant('put' as const), id, name: fc.constantFrom('A', 'B', 'C') }),
    fc.record({ do: fc.constant('remove' as const), id }),
    fc.record({ do: fc.constant('change' as const), id, why: fc.string(), padding: fc.constantFrom(0, 0, 300_000) }),
    fc.record({ do: fc.constant('event' as const), id }),
    fc.record({ do: fc.constant('flush' as const) }),
    fc.record({ do: fc.constant('drain' as const) }),
    fc.record({ do: fc.constant('resync' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const house = new House();
      house.put('v0', 'A');
      house.feed.update();
      const [quick, slow] = [new SlowSocket(), new SlowSocket()];
      const clients = [quick, slow].map((socket) => new LiveClient(socket, house.feed));
      for (const client of clients) client.snapshot(house.nowMs);
      for (const one of steps) {
        if (one.do === 'put') house.put(one.id, one.name);
        else if (one.do === 'remove') house.remove(one.id);
        else if (one.do === 'change') house.change(one.id, one.why, one.padding);
        else if (one.do === 'event' && house.vehicles.has(one.id)) house.event(one.id);
        else if (one.do === 'drain') slow.drain();
        if (one.do !== 'flush' && one.do !== 'resync') continue;
        // As the room does it, a snapshot follows an update.
        house.flush(...clients);
        if (one.do === 'resync') {
          house.nowMs += 2_000;
          for (const client of clients) client.resync(house.nowMs);
        }
        quick.drain();
      }
      // What waits goes out; a client that was behind catches up with the next update.
      for (let round = 0; round < 2; round++) {
        house.flush(...clients);
        for (const socket of [quick, slow]) socket.drain();
      }
      for (const socket of [quick, slow]) {
        const { vehicles, events } = shown(socket.messages);
        expect(vehicles).toEqual(house.truth());
        expect([...events].sort()).toEqual([...house.events].sort());
      }
    }),
    { numRuns: 300 },
  );
});
