import {
  CreateGroup,
  CreateVehicle,
  Device,
  DeviceQuery,
  Group,
  Id,
  LinkName,
  Organisation,
  type Page,
  PageQuery,
  PutUplink,
  page,
  UpdateGroup,
  UpdateOrganisation,
  UpdateVehicle,
  Uplink,
  Vehicle,
  VehicleQuery,
} from '@corridor/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { DevicesService } from './devices.service.js';
import { FleetService } from './fleet.service.js';
import { GroupsService } from './groups.service.js';
import { VehiclesService } from './vehicles.service.js';

@ApiTags('organisation')
@Controller('organisation')
export class OrganisationController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Get()
  @ApiOperation({ summary: 'The organisation' })
  @ApiResponse({ status: 200, standardSchema: Organisation })
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor): Promise<Organisation> {
    return this.groups.organisation(actor.organisationId);
  }

  @Patch()
  @ApiOperation({ summary: 'Rename the organisation' })
  @ApiResponse({ status: 200, standardSchema: Organisation })
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: UpdateOrganisation }) body: z.infer<typeof UpdateOrganisation>,
  ): Promise<Organisation> {
    return this.groups.renameOrganisation(actor, body.name);
  }
}

@ApiTags('groups')
@Controller('groups')
export class GroupsController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Get()
  @ApiOperation({ summary: 'List groups' })
  @ApiResponse({ status: 200, standardSchema: page(Group) })
  @RequirePermission('fleet:read')
  list(@CurrentActor() actor: OperatorActor, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Group>> {
    return this.groups.list(query, actor.organisationId);
  }

  @Post()
  @ApiOperation({ summary: 'Create a group' })
  @ApiResponse({ status: 201, standardSchema: Group })
  @RequirePermission('fleet:write')
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateGroup }) body: z.infer<typeof CreateGroup>,
  ): Promise<Group> {
    return this.groups.create(actor, body);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One group' })
  @ApiResponse({ status: 200, standardSchema: Group })
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Group> {
    return this.groups.get(id, actor.organisationId);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a group' })
  @ApiResponse({ status: 200, standardSchema: Group })
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateGroup }) body: z.infer<typeof UpdateGroup>,
  ): Promise<Group> {
    return this.groups.update(actor, id, body);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a group without vehicles' })
  @HttpCode(204)
  @RequirePermission('fleet:write')
  delete(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.groups.delete(actor, id);
  }
}

@ApiTags('vehicles')
@Controller('vehicles')
export class VehiclesController {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(VehiclesService) private readonly vehicles: VehiclesService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List vehicles with their status' })
  @ApiResponse({ status: 200, standardSchema: page(Vehicle) })
  @RequirePermission('fleet:read')
  list(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: VehicleQuery }) query: z.infer<typeof VehicleQuery>,
  ): Promise<Page<Vehicle>> {
    return this.fleet.vehicles(query, actor.organisationId);
  }

  @Post()
  @ApiOperation({ summary: 'Create a vehicle' })
  @ApiResponse({ status: 201, standardSchema: Vehicle })
  @RequirePermission('fleet:write')
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateVehicle }) body: z.infer<typeof CreateVehicle>,
  ): Promise<Vehicle> {
    return this.vehicles.create(actor, body);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One vehicle with its status' })
  @ApiResponse({ status: 200, standardSchema: Vehicle })
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Vehicle> {
    return this.fleet.vehicle(id, actor.organisationId);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a vehicle' })
  @ApiResponse({ status: 200, standardSchema: Vehicle })
  @RequirePermission('fleet:write')
  update(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateVehicle }) body: z.infer<typeof UpdateVehicle>,
  ): Promise<Vehicle> {
    return this.vehicles.update(actor, id, body);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Archive a vehicle; its device is revoked' })
  @HttpCode(204)
  @RequirePermission('fleet:write')
  archive(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.vehicles.archive(actor, id);
  }

  @Put(':id/uplinks/:name')
  @ApiOperation({ summary: 'Describe an uplink' })
  @ApiResponse({ status: 200, standardSchema: Uplink })
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
  @ApiOperation({ summary: 'Forget an uplink' })
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

@ApiTags('devices')
@Controller('devices')
export class DevicesController {
  constructor(@Inject(DevicesService) private readonly devices: DevicesService) {}

  @Get()
  @ApiOperation({ summary: 'List devices' })
  @ApiResponse({ status: 200, standardSchema: page(Device) })
  @RequirePermission('fleet:read')
  list(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: DeviceQuery }) query: z.infer<typeof DeviceQuery>,
  ): Promise<Page<Device>> {
    return this.devices.list(query, actor.organisationId);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One device' })
  @ApiResponse({ status: 200, standardSchema: Device })
  @RequirePermission('fleet:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Device> {
    return this.devices.get(id, actor.organisationId);
  }
}
