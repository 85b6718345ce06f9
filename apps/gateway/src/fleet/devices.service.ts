import type { Device, DeviceQuery, Page } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { DomainError } from '../kernel/domain-error.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { readIdCursor, writeCursor } from './cursor.js';
import { deviceOf } from './representation.js';

/** Devices as operators see them; how they come and go is provisioning. */
@Injectable()
export class DevicesService {
  constructor(@Inject(FleetRepository) private readonly repository: FleetRepository) {}

  /** The newest first. */
  async list(query: z.infer<typeof DeviceQuery>, organisationId: string): Promise<Page<Device>> {
    const { limit, vehicleId, state } = query;
    const before = readIdCursor(query.cursor);
    const records = await this.repository.devices({ organisationId, vehicleId, state }, before, limit + 1);
    const nextCursor = records.length > limit ? writeCursor(records[limit - 1]!.id) : null;
    return { items: records.slice(0, limit).map(deviceOf), nextCursor };
  }

  /** @throws DomainError `device-unknown` */
  async get(id: string, organisationId: string): Promise<Device> {
    const record = await this.repository.device(id, organisationId);
    if (record === undefined) throw deviceUnknown();
    return deviceOf(record);
  }
}

export function deviceUnknown(): DomainError {
  return new DomainError('not-found', 'device-unknown', 'There is no such device.');
}
