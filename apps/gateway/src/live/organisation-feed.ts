import type { RecordedEvent, Vehicle, VehicleStatus } from '@corridor/contracts';
import { diffText, VehicleText } from './vehicle-text.js';

export const MOST_EVENTS = 100;

/** What is new since the last one, as text that all clients of an organisation share. */
export interface Update {
  /** `"added":[…],"changed":[…],"removed":[…],"events":[…]` */
  readonly body: string;
  readonly added: readonly string[];
  /** Ids of vehicles that changed in any way. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly events: readonly string[];
}

/** What a client that did not keep up has missed. */
export interface Missed {
  readonly added: ReadonlySet<string>;
  readonly changed: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  readonly events: readonly string[];
}

/**
 * The vehicles and the newest events of one organisation, as the live feed carries them. Knows nobody: what happens is
 * told to it, and it says what is new.
 */
export class OrganisationFeed {
  readonly #statusOf: (vehicleId: string) => VehicleStatus;
  readonly #vehicles = new Map<string, VehicleText>();
  readonly #eventIds = new Set<string>();
  #events: string[] = [];
  readonly #dirty = new Set<string>();
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();
  /** Members that the registry changed, by vehicle. */
  readonly #described = new Map<string, string[]>();
  #news: string[] = [];

  constructor(statusOf: (vehicleId: string) => VehicleStatus) {
    this.#statusOf = statusOf;
  }

  get size(): number {
    return this.#vehicles.size;
  }

  /** Something may be new since the last update. */
  get hasNews(): boolean {
    return this.#dirty.size + this.#added.size + this.#removed.size + this.#news.length > 0;
  }

  has(vehicleId: string): boolean {
    return this.#vehicles.has(vehicleId);
  }

  /** Begins with what the registry and the database hold. @param events newest last */
  load(vehicles: readonly Vehicle[], events: readonly RecordedEvent[]): void {
    for (const vehicle of vehicles) this.#vehicles.set(vehicle.id, new VehicleText(vehicle));
    for (const event of events) this.event(event);
    this.#news = [];
  }

  /** A vehicle is new, or the registry says something else of it. */
  put(vehicle: Vehicle): void {
    const known = this.#vehicles.get(vehicle.id);
    if (known) {
      const changed = known.describe(vehicle);
      if (changed.length === 0) return;
      this.#described.set(vehicle.id, [...(this.#described.get(vehicle.id) ?? []), ...changed]);
      this.#dirty.add(vehicle.id);
      return;
    }
    this.#vehicles.set(vehicle.id, new VehicleText(vehicle));
    this.#removed.delete(vehicle.id);
    this.#added.add(vehicle.id);
  }

  remove(vehicleId: string): void {
    if (!this.#vehicles.delete(vehicleId)) return;
    this.#dirty.delete(vehicleId);
    this.#described.delete(vehicleId);
    // A vehicle that nobody was told of need not be taken back.
    if (!this.#added.delete(vehicleId)) this.#removed.add(vehicleId);
  }

  /** Its status is another, most likely. */
  touch(vehicleId: string): void {
    if (this.#vehicles.has(vehicleId)) this.#dirty.add(vehicleId);
  }

  /** The same event may be told again (its rows were not committed at first): it is news once. */
  event(event: RecordedEvent): void {
    if (this.#eventIds.has(event.id)) return;
    this.#eventIds.add(event.id);
    if (this.#eventIds.size > 2 * MOST_EVENTS) this.#eventIds.delete(this.#eventIds.values().next().value!);
    const text = JSON.stringify(event);
    this.#events = [...this.#events.slice(1 - MOST_EVENTS), text];
    this.#news.push(text);
  }

  /**
   * What is new, once.
   *
   * @param only vehicles to look at; all that were touched when undefined
   */
  update(only?: ReadonlySet<string>): Update {
    const changed: string[] = [];
    const changedIds: string[] = [];
    for (const id of [...this.#dirty]) {
      if (only && !only.has(id)) continue;
      this.#dirty.delete(id);
      const status = this.#vehicles.get(id)!.observe(this.#statusOf(id));
      const members = this.#described.get(id) ?? [];
      this.#described.delete(id);
      if (this.#added.has(id) || status.length + members.length === 0) continue;
      changed.push(diffText(id, members, status));
      changedIds.push(id);
    }
    const update = {
      added: [...this.#added],
      changed: changedIds,
      removed: [...this.#removed],
      events: this.#news,
    };
    this.#added.clear();
    this.#removed.clear();
    this.#news = [];
    return { ...update, body: this.#body(update.added, changed, update.removed, update.events) };
  }

  /** The rest of a snapshot: `"vehicles":[…],"events":[…]`. */
  snapshot(): string {
    const vehicles = Array.from(this.#vehicles.values(), (vehicle) => vehicle.whole());
    return `"vehicles":[${vehicles.join(',')}],"events":[${this.#events.join(',')}]`;
  }

  /** One diff in place of many: everything that a diff can say about the vehicles that changed meanwhile. */
  merged({ added, changed, removed, events }: Missed): string {
    const everything = [...changed].flatMap((id) => this.#vehicles.get(id)?.everything() ?? []);
    return this.#body([...added], everything, [...removed], events);
  }

  #body(
    added: readonly string[],
    changed: readonly string[],
    removed: readonly string[],
    events: readonly string[],
  ): string {
    const whole = added.flatMap((id) => this.#vehicles.get(id)?.whole() ?? []);
    return [
      `"added":[${whole.join(',')}]`,
      `"changed":[${changed.join(',')}]`,
      `"removed":${JSON.stringify(removed)}`,
      `"events":[${events.join(',')}]`,
    ].join(',');
  }
}
