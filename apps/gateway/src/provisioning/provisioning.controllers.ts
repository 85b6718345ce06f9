import {
  Challenge,
  ChallengeRequest,
  ClaimInfo,
  CreateClaim,
  CreatedClaim,
  Device,
  EnrolmentAnswer,
  Id,
  type Page,
  PageQuery,
  page,
  RevokeDevice,
  SignedRequest,
} from '@corridor/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { DeviceRoute, Public, RequirePermission } from '../auth/access.js';
import { CurrentActor, type DeviceActor, type OperatorActor } from '../auth/actor.js';
import { DomainError } from '../kernel/domain-error.js';
import { PolicyService } from '../policy/policy.service.js';
import { ClaimsService } from './claims.service.js';
import { DeviceAccessService } from './device-access.service.js';
import { DeviceCommandsService } from './device-commands.service.js';
import { DeviceLifecycleService } from './device-lifecycle.service.js';
import { EnrolmentService } from './enrolment.service.js';

/** For operators: claims of a vehicle. */
@ApiTags('provisioning')
@Controller('vehicles/:id/claims')
export class VehicleClaimsController {
  constructor(@Inject(ClaimsService) private readonly claims: ClaimsService) {}

  @Get()
  @ApiOperation({ summary: 'Claims of a vehicle' })
  @ApiResponse({ status: 200, standardSchema: page(ClaimInfo) })
  @RequirePermission('device:provision')
  list(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<ClaimInfo>> {
    return this.claims.list(actor.organisationId, id, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create a claim; it is shown in this answer only' })
  @ApiResponse({ status: 201, standardSchema: CreatedClaim })
  @RequirePermission('device:provision')
  create(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: CreateClaim }) body: z.infer<typeof CreateClaim>,
  ): Promise<CreatedClaim> {
    return this.claims.create(actor, id, body);
  }
}

@ApiTags('provisioning')
@Controller('claims')
export class ClaimsController {
  constructor(@Inject(ClaimsService) private readonly claims: ClaimsService) {}

  @Delete(':id')
  @ApiOperation({ summary: 'Revoke a claim' })
  @HttpCode(204)
  @RequirePermission('device:provision')
  revoke(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.claims.revoke(actor, id);
  }
}

/** For operators: what becomes of a device. */
@ApiTags('provisioning')
@Controller('devices')
export class DeviceLifecycleController {
  constructor(
    @Inject(DeviceLifecycleService) private readonly lifecycle: DeviceLifecycleService,
    @Inject(DeviceCommandsService) private readonly commands: DeviceCommandsService,
  ) {}

  @Post(':id/approve')
  @ApiOperation({ summary: 'Approve a device that waits' })
  @ApiResponse({ status: 200, standardSchema: Device })
  @HttpCode(200)
  @RequirePermission('device:provision')
  approve(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<Device> {
    return this.lifecycle.approve(actor, id);
  }

  @Post(':id/revoke')
  @ApiOperation({ summary: 'Revoke a device: tunnel, MQTT and API end at once' })
  @ApiResponse({ status: 200, standardSchema: Device })
  @HttpCode(200)
  @RequirePermission('device:provision')
  revoke(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: RevokeDevice }) body: z.infer<typeof RevokeDevice>,
  ): Promise<Device> {
    return this.lifecycle.revoke(actor, id, body.reason);
  }

  /** Accepted: the device does it in its own time. */
  @Post(':id/rotate-keys')
  @ApiOperation({ summary: 'Ask a connected device for new keys' })
  @HttpCode(202)
  @RequirePermission('device:provision')
  rotateKeys(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.commands.rotateKeys(actor, id);
  }
}

/** For Pis: with a claim, with a proof of their key, or with their access token. */
@ApiTags('device')
@Controller()
export class DeviceController {
  constructor(
    @Inject(EnrolmentService) private readonly enrolment: EnrolmentService,
    @Inject(DeviceAccessService) private readonly access: DeviceAccessService,
    @Inject(PolicyService) private readonly policies: PolicyService,
    @Inject(DeviceLifecycleService) private readonly lifecycle: DeviceLifecycleService,
  ) {}

  @Post('enrolment')
  @ApiOperation({ summary: 'Enrol with a signed claim' })
  @ApiResponse({ status: 200, standardSchema: EnrolmentAnswer })
  @HttpCode(200)
  @Public()
  enrol(@Body({ schema: SignedRequest }) body: SignedRequest): Promise<EnrolmentAnswer> {
    return this.enrolment.enrol(body.jws);
  }

  @Post('device/challenge')
  @ApiOperation({ summary: 'Begin a proof of possession' })
  @ApiResponse({ status: 200, standardSchema: Challenge })
  @HttpCode(200)
  @Public()
  challenge(@Body({ schema: ChallengeRequest }) body: z.infer<typeof ChallengeRequest>): Challenge {
    return this.access.challenge(body.deviceId);
  }

  @Post('device/token')
  @ApiOperation({ summary: 'Renew credentials by proof of possession; rotates keys' })
  @ApiResponse({ status: 200, standardSchema: EnrolmentAnswer })
  @HttpCode(200)
  @Public()
  token(@Body({ schema: SignedRequest }) body: SignedRequest): Promise<EnrolmentAnswer> {
    return this.access.token(body.jws);
  }

  @Delete('device')
  @ApiOperation({ summary: 'The device leaves the fleet' })
  @HttpCode(204)
  @DeviceRoute()
  leave(@CurrentActor() actor: DeviceActor): Promise<void> {
    return this.lifecycle.leave(actor);
  }

  /** For a vehicle whose MQTT is away: the same document as on its policy topic. */
  @Get('device/policy')
  @ApiOperation({ summary: 'The policy in its signed form' })
  @ApiResponse({ status: 200, standardSchema: SignedRequest })
  @DeviceRoute()
  async policy(@CurrentActor() actor: DeviceActor): Promise<SignedRequest> {
    const jws = await this.policies.currentJws(actor.vehicleId);
    if (jws === null) throw new DomainError('not-found', 'policy-none', 'No policy was issued to this vehicle yet.');
    return { jws };
  }
}
