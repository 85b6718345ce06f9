import {
  CreateGroup,
  CreateVehicle,
  type Device,
  DeviceQuery,
  type Group,
  Id,
  LinkName,
  type Organisation,
  type Page,
  PageQuery,
  PutUplink,
  UpdateGroup,
  UpdateOrganisation,
  UpdateVehicle,
  type Uplink,
  type Vehicle,
  VehicleQuery,
} from '@corridor/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { DevicesService } from './devices.service.js';
import { FleetService } from './fleet.service.js';
import { GroupsService } from './groups.service.js';
import { VehiclesService } from './vehicles.service.js';

@Controller('organisation')
export class OrganisationController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Get()
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor): Promise<Organisation> {
    return this.groups.organisation(actor.organisationId);
  }

  @Patch()
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: UpdateOrganisation }) body: z.infer<typeof UpdateOrganisation>,
  ): Promise<Organisation> {
    return this.groups.renameOrganisation(actor, body.name);
  }
}

@Controller('groups')
export class GroupsController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Get()
  @RequirePermission('fleet:read')
  list(@CurrentActor() actor: OperatorActor, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Group>> {
    return this.groups.list(query, actor.organisationId);
  }

  @Post()
  @RequirePermission('fleet:write')
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateGroup }) body: z.infer<typeof CreateGroup>,
  ): Promise<Group> {
    return this.groups.create(actor, body);
  }

  @Get(':id')
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Group> {
    return this.groups.get(id, actor.organisationId);
  }

  @Patch(':id')
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateGroup }) body: z.infer<typeof UpdateGroup>,
  ): Promise<Group> {
    return this.groups.update(actor, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('fleet:write')
  delete(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.groups.delete(actor, id);
  }
}

@Controller('vehicles')
export class VehiclesController {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(VehiclesService) private readonly vehicles: VehiclesService,
  ) {}

  @Get()
  @RequirePermission('fleet:read')
  list(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: VehicleQuery }) query: z.infer<typeof VehicleQuery>,
  ): Promise<Page<Vehicle>> {
    return this.fleet.vehicles(query, actor.organisationId);
  }

  @Post()
  @RequirePermission('fleet:write')
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateVehicle }) body: z.infer<typeof CreateVehicle>,
  ): Promise<Vehicle> {
    return this.vehicles.create(actor, body);
  }

  @Get(':id')
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Vehicle> {
    return this.fleet.vehicle(id, actor.organisationId);
  }

  @Patch(':id')
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateVehicle }) body: z.infer<typeof UpdateVehicle>,
  ): Promise<Vehicle> {
    return this.vehicles.update(actor, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('fleet:write')
  archive(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.vehicles.archive(actor, id);
  }

  @Put(':id/uplinks/:name')
  @RequirePermission('fleet:write')
  putUplink(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Param('name', { schema: LinkName }) name: string,
    @Body({ schema: PutUplink }) body: z.infer<typeof PutUplink>,
  ): Promise<Uplink> {
    return this.vehicles.putUplink(actor, id, name, body);
  }

  @Delete(':id/uplinks/:name')
  @HttpCode(204)
  @RequirePermission('fleet:write')
  deleteUplink(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Param('name', { schema: LinkName }) name: string,
  ): Promise<void> {
    return this.vehicles.deleteUplink(actor, id, name);
  }
}

@Controller('devices')
export class DevicesController {
  constructor(@Inject(DevicesService) private readonly devices: DevicesService) {}

  @Get()
  @RequirePermission('fleet:read')
  list(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: DeviceQuery }) query: z.infer<typeof DeviceQuery>,
  ): Promise<Page<Device>> {
    return this.devices.list(query, actor.organisationId);
  }

  @Get(':id')
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Device> {
    return this.devices.get(id, actor.organisationId);
  }
}
