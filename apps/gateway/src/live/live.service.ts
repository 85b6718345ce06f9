import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { type DomainEventMap, DomainEvents } from '../kernel/domain-events.js';
import { TelemetryRepository } from '../store/telemetry-repository.js';
import { StatusService } from '../telemetry/status.service.js';
import { FeedRoom } from './feed-room.js';
import { LiveClient, type Socket } from './live-client.js';

/**
 * What changed is collected for so long: a browser gets a dozen diffs a second at most, and nothing is older than that when it
 * leaves. What a dispatcher waits for does not wait even that long.
 */
const DIFF_MS = 75;
const URGENT_MS = 25;
/** A diff goes out at least this often, empty if need be: it tells the time, and that the feed lives. */
const SILENCE_MS = 2_000;
const PING_MS = 15_000;
/** A console that reloads finds its feed as it left it. */
const KEEP_MS = 60_000;
const URGENT = new Set(['path-switch', 'path-state', 'session']);

/** The live feed: one {@link FeedRoom} for each organisation that somebody looks at. */
@Injectable()
export class LiveService implements OnModuleInit, OnModuleDestroy {
  readonly #log = new Logger('live');
  readonly #rooms = new Map<string, FeedRoom>();
  readonly #urgent = new Set<string>();
  #urgentTimer: NodeJS.Timeout | undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(TelemetryRepository) private readonly telemetry: TelemetryRepository,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    events.on('status-changed', ({ vehicleId }) => this.#each((room) => room.feed.touch(vehicleId)));
    events.on('event-recorded', (event) => this.#event(event));
    for (const name of ['vehicle-changed', 'device-active', 'device-revoked'] as const) {
      events.on(name, ({ vehicleId }) => this.#each((room) => room.refetch(vehicleId)));
    }
    events.on('vehicle-removed', ({ vehicleId }) => this.#each((room) => room.remove(vehicleId)));
  }

  onModuleInit(): void {
    this.#timers = [
      setInterval(() => this.#each((room) => this.#diff(room)), DIFF_MS),
      setInterval(() => this.#each((room) => room.ping(this.clock.nowMs())), PING_MS),
      setInterval(() => this.#forgetEmpty(), KEEP_MS / 4),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#urgentTimer);
    for (const room of this.#rooms.values()) room.close();
    this.#rooms.clear();
  }

  /** Clients of all organisations: for the metrics. */
  get clients(): number {
    return [...this.#rooms.values()].reduce((sum, room) => sum + room.clients, 0);
  }

  /**
   * Sends the snapshot, then diffs, until {@link leave}.
   *
   * @throws what the registry throws, when this is the first client and the registry cannot be read
   */
  async join(organisationId: string, socket: Socket): Promise<LiveClient> {
    const room = await this.#room(organisationId);
    const client = new LiveClient(socket, room.feed);
    room.join(client, socket, this.clock.nowMs());
    return client;
  }

  leave(organisationId: string, client: LiveClient): void {
    this.#rooms.get(organisationId)?.leave(client, this.clock.nowMs());
  }

  resync(organisationId: string, client: LiveClient): void {
    this.#rooms.get(organisationId)?.resync(client, this.clock.nowMs());
  }

  async #room(organisationId: string): Promise<FeedRoom> {
    let room = this.#rooms.get(organisationId);
    if (!room) {
      room = new FeedRoom(organisationId, {
        allVehicles: () => this.fleet.allVehicles(organisationId),
        vehicle: (id) => this.fleet.vehicle(id, organisationId),
        lastEvents: (limit) => this.telemetry.events({ organisationId }, undefined, limit),
        statusOf: (id) => this.status.statusOf(id),
        onTrouble: (error) => this.#log.warn(`the feed could not read the registry: ${error.message}`),
      });
      this.#rooms.set(organisationId, room);
    }
    try {
      await room.loaded();
      return room;
    } catch (error) {
      if (this.#rooms.get(organisationId) === room) this.#rooms.delete(organisationId);
      throw error;
    }
  }

  #event(event: DomainEventMap['event-recorded']): void {
    this.#each((room) => room.event(event));
    if (!URGENT.has(event.event.type)) return;
    this.#urgent.add(event.vehicleId);
    this.#urgentTimer ??= setTimeout(() => {
      this.#urgentTimer = undefined;
      const vehicles = new Set(this.#urgent);
      this.#urgent.clear();
      this.#each((room) => {
        if ([...vehicles].some((id) => room.feed.has(id))) room.update(this.clock.nowMs(), vehicles);
      });
    }, URGENT_MS);
  }

  #diff(room: FeedRoom): void {
    const nowMs = this.clock.nowMs();
    if (room.feed.hasNews || nowMs - room.updatedMs >= SILENCE_MS) room.update(nowMs);
  }

  #forgetEmpty(): void {
    for (const [organisationId, room] of this.#rooms) {
      if (room.clients > 0 || this.clock.nowMs() - room.emptySinceMs < KEEP_MS) continue;
      room.close();
      this.#rooms.delete(organisationId);
    }
  }

  #each(act: (room: FeedRoom) => void): void {
    for (const room of this.#rooms.values()) act(room);
  }
}
