import type { RecordedEvent, Vehicle, VehicleStatus } from '@corridor/contracts';
import { DomainError } from '../kernel/domain-error.js';
import type { LiveClient, Socket } from './live-client.js';
import { MOST_EVENTS, OrganisationFeed } from './organisation-feed.js';

const RETRY_MS = 1_000;

export interface RoomSources {
  allVehicles(): Promise<readonly Vehicle[]>;
  /** @throws DomainError `vehicle-unknown` for one that is not of this organisation */
  vehicle(id: string): Promise<Vehicle>;
  /** Newest first. */
  lastEvents(limit: number): Promise<readonly RecordedEvent[]>;
  statusOf(vehicleId: string): VehicleStatus;
  onTrouble(error: Error): void;
}

/** The clients of one organisation around their feed, and the way in which the feed follows the registry. */
export class FeedRoom {
  readonly feed: OrganisationFeed;
  readonly #sources: RoomSources;
  readonly #clients = new Map<LiveClient, Socket>();
  /** Vehicles of which the registry says something new. */
  readonly #stale = new Set<string>();
  /** Events that came while the registry was read. */
  #early: RecordedEvent[] | undefined = [];
  #loading: Promise<void> | undefined;
  #fetching = false;
  #retry: NodeJS.Timeout | undefined;
  /** When the last diff went out, and since when nobody looks; UTC milliseconds. */
  updatedMs = 0;
  emptySinceMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly organisationId: string,
    sources: RoomSources,
  ) {
    this.#sources = sources;
    this.feed = new OrganisationFeed((id) => sources.statusOf(id));
  }

  get clients(): number {
    return this.#clients.size;
  }

  loaded(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  join(client: LiveClient, socket: Socket, nowMs: number): void {
    this.#tellNews(nowMs);
    this.#clients.set(client, socket);
    client.snapshot(nowMs);
  }

  resync(client: LiveClient, nowMs: number): void {
    this.#tellNews(nowMs);
    client.resync(nowMs);
  }

  leave(client: LiveClient, nowMs: number): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.emptySinceMs = nowMs;
  }

  event(event: RecordedEvent): void {
    if (this.#early) this.#early.push(event);
    else if (this.feed.has(event.vehicleId)) this.feed.event(event);
  }

  refetch(vehicleId: string): void {
    this.#stale.add(vehicleId);
    void this.#fetch();
  }

  remove(vehicleId: string): void {
    this.#stale.delete(vehicleId);
    this.feed.remove(vehicleId);
  }

  /** Tells all clients what is new. @param only see {@link OrganisationFeed.update} */
  update(nowMs: number, only?: ReadonlySet<string>): void {
    this.updatedMs = nowMs;
    const update = this.feed.update(only);
    if (this.#clients.size === 0) return;
    const body = Buffer.from(`${update.body}}`);
    for (const client of this.#clients.keys()) client.update(update, body, nowMs);
  }

  /** Ends clients that answer no ping, or whose buffer does not move. */
  ping(nowMs: number): void {
    for (const [client, socket] of this.#clients) {
      if (!client.stuck(nowMs) && client.ping()) continue;
      this.leave(client, nowMs);
      socket.terminate();
    }
  }

  close(): void {
    clearTimeout(this.#retry);
    for (const socket of this.#clients.values()) socket.close(1012, 'the gateway restarts');
    this.#clients.clear();
  }

  /** A snapshot must not hold what the next diff would say once more. */
  #tellNews(nowMs: number): void {
    if (this.feed.hasNews) this.update(nowMs);
  }

  async #load(): Promise<void> {
    const vehicles = await this.#sources.allVehicles();
    const events = await this.#sources.lastEvents(MOST_EVENTS);
    this.feed.load(vehicles, [...events].reverse());
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.event(event);
    void this.#fetch();
  }

  /** One after the other, and again later when the database is away. */
  async #fetch(): Promise<void> {
    if (this.#fetching || this.#early) return;
    this.#fetching = true;
    try {
      for (const id of this.#stale) await this.#fetchOne(id);
    } catch (error) {
      this.#sources.onTrouble(error as Error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#fetch(), RETRY_MS);
      this.#retry.unref();
    } finally {
      this.#fetching = false;
    }
  }

  async #fetchOne(id: string): Promise<void> {
    // It may change again while it is read: then it is read again.
    this.#stale.delete(id);
    try {
      const vehicle = await this.#sources.vehicle(id);
      if (vehicle.archivedAt === null) this.feed.put(vehicle);
      else this.feed.remove(id);
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'not-found') {
        this.feed.remove(id);
        return;
      }
      this.#stale.add(id);
      throw error;
    }
  }
}
