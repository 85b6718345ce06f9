import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { DeviceAnnouncements } from './device-announcements.js';
import { FleetOverlay } from './fleet-overlay.js';
import { activeDeviceOf } from './representation.js';

/** How often the memory is compared with the database, and how soon a failed comparison is tried again. */
const COMPARE_EVERY_MS = 30_000;
const RETRY_AFTER_MS = 1_000;

/**
 * The devices that may take part, in memory: asked for every MQTT message and every token, so it must be quick, and it must
 * go on answering while the database is away. It follows the domain events, which are emitted after the commit; the
 * comparison every half minute is for the rest: a commit whose answer was lost, or a row that somebody else changed. What
 * it finds it tells as events, so that tunnels and sessions follow too.
 */
@Injectable()
export class ActiveDevices implements OnModuleInit, OnModuleDestroy {
  readonly #log = new Logger('fleet');
  #devices: Map<string, ActiveDevice> | undefined;
  /** Devices that an event spoke of since the comparison that is under way began: the event is the newer word. */
  #touched = new Set<string>();
  #comparison: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    @Inject(FleetRepository) private readonly repository: FleetRepository,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    events.on('device-active', (device) => {
      this.#touched.add(device.deviceId);
      this.#devices?.set(device.deviceId, device);
    });
    events.on('device-revoked', ({ deviceId }) => {
      this.#touched.add(deviceId);
      this.#devices?.delete(deviceId);
    });
  }

  async onModuleInit(): Promise<void> {
    await this.#compareAndPlan();
  }

  onModuleDestroy(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async all(): Promise<ActiveDevice[]> {
    return [...(await this.#loaded()).values()];
  }

  async get(deviceId: string): Promise<ActiveDevice | undefined> {
    return (await this.#loaded()).get(deviceId);
  }

  /** Reads the database and tells by events where it differs from the memory. One comparison at a time. */
  compare(): Promise<void> {
    this.#comparison ??= this.#compare().finally(() => {
      this.#comparison = undefined;
    });
    return this.#comparison;
  }

  async #compare(): Promise<void> {
    this.#touched = new Set();
    const records = await this.repository.activeDevices();
    const found = new Map(records.map((record) => [record.id, activeDeviceOf(record, this.overlay)]));
    const known = this.#devices;
    const touched = this.#touched;
    if (known === undefined) {
      // Whatever changed while the first reading was under way is read again, and nobody is told of what was always there.
      this.#devices = found;
      if (touched.size > 0) await this.#compare();
      return;
    }
    for (const device of found.values()) {
      const before = known.get(device.deviceId);
      if (!touched.has(device.deviceId) && !sameDevice(before, device)) this.announcements.tell(device);
    }
    for (const { deviceId, vehicleId } of known.values()) {
      if (touched.has(deviceId) || found.has(deviceId)) continue;
      this.announcements.revoked(deviceId, vehicleId, 'no longer active in the registry');
    }
  }

  async #loaded(): Promise<Map<string, ActiveDevice>> {
    if (this.#devices === undefined) await this.compare().catch(refuse);
    return this.#devices ?? refuse();
  }

  async #compareAndPlan(): Promise<void> {
    let waitMs = COMPARE_EVERY_MS;
    try {
      await this.compare();
    } catch (error) {
      waitMs = RETRY_AFTER_MS;
      this.#log.debug(`the registry could not be read: ${(error as Error).message}`);
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#compareAndPlan(), waitMs);
    this.#timer.unref();
  }
}

function sameDevice(a: ActiveDevice | undefined, b: ActiveDevice): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function refuse(): never {
  throw new DomainError('unavailable', 'database-unavailable', 'The registry of devices was not read yet.', 2);
}
