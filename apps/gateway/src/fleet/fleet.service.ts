import type { Page, Vehicle, VehicleQuery } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { DomainError } from '../kernel/domain-error.js';
import type { ActiveDevice } from '../kernel/domain-events.js';
import { FleetRepository, type VehicleRecord } from '../store/fleet-repository.js';
import { StatusService } from '../telemetry/status.service.js';
import { ActiveDevices } from './active-devices.js';
import { readCursor, writeCursor } from './cursor.js';
import { FleetOverlay } from './fleet-overlay.js';
import { vehicleOf } from './representation.js';

/** What the other domains ask the registry. Changes are in the services beside it. */
@Injectable()
export class FleetService {
  constructor(
    @Inject(FleetRepository) private readonly repository: FleetRepository,
    @Inject(ActiveDevices) private readonly active: ActiveDevices,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(StatusService) private readonly status: StatusService,
  ) {}

  /**
   * A vehicle, archived ones included. With `organisationId`, one of another organisation is not found.
   *
   * @throws DomainError `vehicle-unknown`
   */
  async vehicle(id: string, organisationId?: string): Promise<Vehicle> {
    const record = await this.repository.vehicle(id, organisationId);
    if (record === undefined) throw vehicleUnknown();
    return this.#represent(record);
  }

  /** In order of their names; the pages stay right while vehicles are added and archived. */
  async vehicles(query: z.infer<typeof VehicleQuery>, organisationId: string): Promise<Page<Vehicle>> {
    const { limit, search, groupId, tunnel } = query;
    const after = readCursor(query.cursor);
    const filter = { organisationId, archived: query.archived === 'true', search, groupId };
    if (tunnel === undefined) return this.#page(await this.repository.vehicles(filter, after, limit + 1), limit);
    const keys = await this.repository.vehicleKeys(filter, after);
    const ids = keys.filter(({ id }) => this.status.statusOf(id).tunnel.state === tunnel).slice(0, limit + 1);
    return this.#page(await this.repository.vehiclesById(ids.map(({ id }) => id)), limit);
  }

  /** Every vehicle that is not archived, in order of their names. */
  async allVehicles(organisationId: string): Promise<Vehicle[]> {
    const records = await this.repository.vehicles({ organisationId, archived: false }, undefined, undefined);
    return records.map((record) => this.#represent(record));
  }

  /** From memory; answers while the database is away, once it has been read. */
  activeDevices(): Promise<ActiveDevice[]> {
    return this.active.all();
  }

  /** From memory; undefined for a device that is unknown, pending or revoked. */
  activeDevice(deviceId: string): Promise<ActiveDevice | undefined> {
    return this.active.get(deviceId);
  }

  /** Id of the vehicle that an active device belongs to; from memory. */
  async vehicleOfDevice(deviceId: string): Promise<string | undefined> {
    return (await this.active.get(deviceId))?.vehicleId;
  }

  #represent(record: VehicleRecord): Vehicle {
    return vehicleOf(record, this.overlay, this.status.statusOf(record.id));
  }

  /** @param records one more than the page holds when there is another page */
  #page(records: readonly VehicleRecord[], limit: number): Page<Vehicle> {
    const items = records.slice(0, limit).map((record) => this.#represent(record));
    return { items, nextCursor: records.length > limit ? writeCursor(records[limit - 1]!.name) : null };
  }
}

export function vehicleUnknown(): DomainError {
  return new DomainError('not-found', 'vehicle-unknown', 'There is no such vehicle.');
}
