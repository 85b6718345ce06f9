import type { LiveDiff, LiveSnapshot, RecordedEvent, Vehicle } from '@corridor/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testFrame, testPath } from '../../test/frames.js';
import type { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import type { TelemetryRepository } from '../store/telemetry-repository.js';
import { DeviceDirectory } from '../telemetry/device-directory.js';
import { StatusService } from '../telemetry/status.service.js';
import { LiveService } from './live.service.js';
import type { Socket } from './live-client.js';

/** A browser that is always quick enough, and notes when what arrived. */
class Browser implements Socket {
  readonly bufferedAmount = 0;
  readonly messages: (LiveSnapshot | LiveDiff)[] = [];
  readonly times: number[] = [];
  terminated = false;
  closed: number | undefined;
  #text = '';

  send(data: string | Buffer, { fin }: { fin: boolean }): void {
    this.#text += String(data);
    if (!fin) return;
    this.messages.push(JSON.parse(this.#text) as LiveSnapshot | LiveDiff);
    this.times.push(Date.now());
    this.#text = '';
  }

  ping(): void {}

  close(code: number): void {
    this.closed = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  get last(): LiveSnapshot | LiveDiff {
    return this.messages.at(-1)!;
  }
}

const events = new DomainEvents();
const registry = new Map<string, Vehicle>();
const recorded: RecordedEvent[] = [];
let registryAway = false;
let status: StatusService;
let live: LiveService;

function vehicle(id: string, name: string): Vehicle {
  const rest = { group: null, notes: '', overlayAddresses: [], networks: [], device: null, uplinks: [] };
  return { id, name, createdAt: '', archivedAt: null, ...rest, status: status.statusOf(id) };
}

function event(type: RecordedEvent['event']['type'], vehicleId = 'v'): RecordedEvent {
  const at = new Date().toISOString();
  return { id: newId(), at, vehicleId, source: 'gateway', event: { kind: 'event', v: 1, type, reason: '' } };
}

function frame(rttUs: number, vehicleId = 'v'): void {
  const now = Date.now();
  const measured = testFrame({ paths: [testPath('w0', { rttUs })] });
  events.emit('gateway-frame', { vehicleId, frame: measured, atMs: now, heardAtMs: now });
}

const fleet = {
  allVehicles: async () => {
    if (registryAway) throw new DomainError('unavailable', 'store-unavailable', 'away');
    return [...registry.values()];
  },
  vehicle: async (id: string) => {
    if (registryAway) throw new DomainError('unavailable', 'store-unavailable', 'away');
    const found = registry.get(id);
    if (!found) throw new DomainError('not-found', 'vehicle-unknown', 'none');
    return found;
  },
} as unknown as FleetService;
const telemetry = { events: async () => [...recorded].reverse() } as unknown as TelemetryRepository;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 23) });
  registryAway = false;
  recorded.length = 0;
  registry.clear();
  status = new StatusService(events, new DeviceDirectory(events), new Clock());
  live = new LiveService(fleet, status, telemetry, new Clock(), events);
  registry.set('v', vehicle('v', 'RTW 1'));
  live.onModuleInit();
});

afterEach(() => {
  live.onModuleDestroy();
  vi.useRealTimers();
});

describe('the feed', () => {
  it('collects frames for 75 ms, tells a path switch within 25', async () => {
    const browser = new Browser();
    await live.join('org', browser);
    frame(1);
    frame(2);
    await vi.advanceTimersByTimeAsync(75);
    expect(browser.messages).toHaveLength(2);
    expect((browser.last as LiveDiff).changed[0]?.status?.links?.[0]?.gateway?.rttUs).toBe(2);
    frame(3);
    const told = Date.now();
    events.emit('event-recorded', event('path-switch'));
    await vi.advanceTimersByTimeAsync(30);
    expect(browser.times.at(-1)! - told).toBeLessThanOrEqual(25);
    expect((browser.last as LiveDiff).events).toHaveLength(1);
    expect((browser.last as LiveDiff).changed[0]?.status?.links?.[0]?.gateway?.rttUs).toBe(3);
  });

  it('is one text for all who look, and silent for nobody longer than two seconds', async () => {
    const [one, two] = [new Browser(), new Browser()];
    await live.join('org', one);
    await vi.advanceTimersByTimeAsync(1_000);
    await live.join('org', two);
    await vi.advanceTimersByTimeAsync(5_000);
    for (const { messages, times } of [one, two]) {
      expect(messages.length).toBeGreaterThan(2);
      times.slice(1).forEach((time, index) => {
        expect(time - times[index]!).toBeLessThanOrEqual(2_100);
      });
    }
    expect(live.clients).toBe(2);
  });

  it('begins with the events of the database, and none is lost or doubled while they are read', async () => {
    const [stored, queued] = [event('agent'), event('path-switch')];
    recorded.push(stored);
    const browser = new Browser();
    const joining = live.join('org', browser);
    events.emit('event-recorded', queued);
    events.emit('event-recorded', stored);
    await joining;
    const first = browser.messages.flatMap(({ events }) => events.map(({ id }) => id));
    await vi.advanceTimersByTimeAsync(200);
    const all = browser.messages.flatMap(({ events }) => events.map(({ id }) => id));
    expect(first).toContain(stored.id);
    expect([...all].sort()).toEqual([stored.id, queued.id].sort());
  });

  it('follows the registry when it comes back, and until then shows what it had', async () => {
    const browser = new Browser();
    await live.join('org', browser);
    registryAway = true;
    registry.set('v', vehicle('v', 'RTW 2'));
    events.emit('vehicle-changed', { vehicleId: 'v' });
    await vi.advanceTimersByTimeAsync(3_000);
    frame(7);
    await vi.advanceTimersByTimeAsync(100);
    expect((browser.last as LiveDiff).changed[0]).toMatchObject({ id: 'v', status: { tunnel: { state: 'live' } } });
    registryAway = false;
    await vi.advanceTimersByTimeAsync(1_200);
    const names = browser.messages.flatMap((message) =>
      message.kind === 'live-diff' ? message.changed.flatMap(({ name }) => name ?? []) : [],
    );
    expect(names).toEqual(['RTW 2']);
  });

  it('cannot begin while the registry cannot be read, and can afterwards', async () => {
    registryAway = true;
    await expect(live.join('org', new Browser())).rejects.toMatchObject({ code: 'store-unavailable' });
    registryAway = false;
    const browser = new Browser();
    await live.join('org', browser);
    expect(browser.last.kind).toBe('live-snapshot');
  });

  it('ends a browser that answers no ping, and all when the gateway ends', async () => {
    const [dead, well] = [new Browser(), new Browser()];
    await live.join('org', dead);
    const client = await live.join('org', well);
    await vi.advanceTimersByTimeAsync(15_000);
    client.pong();
    await vi.advanceTimersByTimeAsync(15_000);
    expect([dead.terminated, well.terminated]).toEqual([true, false]);
    live.onModuleDestroy();
    expect(well.closed).toBe(1012);
  });
});
