import type { CreateVehicle, PutUplink, UpdateVehicle, Uplink, Vehicle } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { OperatorActor } from '../auth/actor.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { FleetChanges } from '../store/fleet-changes.js';
import { authorOf } from './author.js';
import { DeviceAnnouncements } from './device-announcements.js';
import { FleetService } from './fleet.service.js';
import { FleetOverlay } from './fleet-overlay.js';
import { readNetworks } from './networks.js';
import { FIRST_VEHICLE_HOST } from './overlay.js';

const ARCHIVED = 'the vehicle was archived';

/** Changes of vehicles: console, API and demo all come through here. */
@Injectable()
export class VehiclesService {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(FleetChanges) private readonly changes: FleetChanges,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** @throws DomainError `vehicle-name-taken`, `group-unknown`, `overlay-full`, `network-…` */
  async create(actor: OperatorActor, request: z.infer<typeof CreateVehicle>): Promise<Vehicle> {
    const id = newId();
    const { name, groupId, notes } = request;
    const networks = readNetworks(request.networks, this.overlay.prefixes);
    const hosts = { first: FIRST_VEHICLE_HOST, last: this.overlay.lastHost };
    await this.changes.createVehicle(authorOf(actor), id, { name, groupId, notes, networks }, hosts);
    this.events.emit('vehicle-changed', { vehicleId: id });
    return this.fleet.vehicle(id);
  }

  /** @throws DomainError `vehicle-unknown`, `vehicle-archived`, `vehicle-name-taken`, `group-unknown`, `network-…` */
  async update(actor: OperatorActor, id: string, request: z.infer<typeof UpdateVehicle>): Promise<Vehicle> {
    const { name, groupId, notes, networks } = request;
    const change = {
      ...(name === undefined ? {} : { name }),
      ...(groupId === undefined ? {} : { groupId }),
      ...(notes === undefined ? {} : { notes }),
      ...(networks === undefined ? {} : { networks: readNetworks(networks, this.overlay.prefixes) }),
    };
    await this.changes.updateVehicle(authorOf(actor), id, change);
    const vehicle = await this.fleet.vehicle(id);
    // An archived one is in nobody's view, and stays out of it.
    if (vehicle.archivedAt !== null) return vehicle;
    this.events.emit('vehicle-changed', { vehicleId: id });
    // The data plane knows the vehicle by its name and routes its networks.
    if (name !== undefined || networks !== undefined) await this.announcements.active(id);
    return vehicle;
  }

  /**
   * Takes the vehicle out of service: its devices and open claims end with it, what was recorded about it stays.
   *
   * @throws DomainError `vehicle-unknown`, `vehicle-archived`
   */
  async archive(actor: OperatorActor, id: string): Promise<void> {
    const { deviceIds } = await this.changes.archiveVehicle(authorOf(actor), id, new Date(this.clock.nowMs()));
    for (const deviceId of deviceIds) this.announcements.revoked(deviceId, id, ARCHIVED);
    this.events.emit('vehicle-removed', { vehicleId: id });
  }

  /** Describes an uplink by the name of its interface: a new one, or another description. */
  async putUplink(
    actor: OperatorActor,
    vehicleId: string,
    name: string,
    request: z.infer<typeof PutUplink>,
  ): Promise<Uplink> {
    const { label, operator, iccid, monthlyCapBytes } = request;
    const fields = { label, operator, iccid, monthlyCapBytes };
    const id = await this.changes.putUplink(authorOf(actor), vehicleId, name, newId(), fields);
    this.events.emit('vehicle-changed', { vehicleId });
    return { id, name, ...fields };
  }

  /** @throws DomainError `vehicle-unknown`, `vehicle-archived`, `uplink-unknown` */
  async deleteUplink(actor: OperatorActor, vehicleId: string, name: string): Promise<void> {
    await this.changes.deleteUplink(authorOf(actor), vehicleId, name);
    this.events.emit('vehicle-changed', { vehicleId });
  }
}
