import {
  Id,
  IssuedPolicy,
  type Page,
  PageQuery,
  PolicyRevision,
  PolicyScope,
  PutPolicy,
  page,
  StrategyInfo,
  VehiclePolicy,
} from '@corridor/contracts';
import { builtInStrategies } from '@corridor/strategy';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { PolicyLayersService } from './policy-layers.service.js';

const Scope = PolicyScope.exclude(['built-in']);
type Scope = z.infer<typeof Scope>;

@ApiTags('policies')
@Controller('policies')
export class PoliciesController {
  constructor(@Inject(PolicyLayersService) private readonly layers: PolicyLayersService) {}

  @Get(':scope/:id')
  @ApiOperation({ summary: 'The newest version of one layer' })
  @ApiResponse({ status: 200, standardSchema: PolicyRevision })
  @RequirePermission('policy:read')
  get(
    @CurrentActor() actor: OperatorActor,
    @Param('scope', { schema: Scope }) scope: Scope,
    @Param('id', { schema: Id }) id: string,
  ): Promise<PolicyRevision> {
    return this.layers.layer(actor, scope, id);
  }

  @Put(':scope/:id')
  @ApiOperation({ summary: 'Save a layer: a new version, issued to every vehicle that it concerns' })
  @ApiResponse({ status: 200, standardSchema: PolicyRevision })
  @RequirePermission('policy:write')
  put(
    @CurrentActor() actor: OperatorActor,
    @Param('scope', { schema: Scope }) scope: Scope,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: PutPolicy }) body: z.infer<typeof PutPolicy>,
  ): Promise<PolicyRevision> {
    return this.layers.save(actor, scope, id, body);
  }

  @Get(':scope/:id/history')
  @ApiOperation({ summary: 'Versions of one layer, the newest first' })
  @ApiResponse({ status: 200, standardSchema: page(PolicyRevision) })
  @RequirePermission('policy:read')
  history(
    @CurrentActor() actor: OperatorActor,
    @Param('scope', { schema: Scope }) scope: Scope,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<PolicyRevision>> {
    return this.layers.layerHistory(actor, scope, id, query);
  }
}

@ApiTags('policies')
@Controller('vehicles/:id/policy')
export class VehiclePolicyController {
  constructor(@Inject(PolicyLayersService) private readonly layers: PolicyLayersService) {}

  @Get()
  @ApiOperation({ summary: 'Target and applied policy of a vehicle' })
  @ApiResponse({ status: 200, standardSchema: VehiclePolicy })
  @RequirePermission('policy:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<VehiclePolicy> {
    return this.layers.vehiclePolicy(actor, id);
  }

  @Get('history')
  @ApiOperation({ summary: 'Policies issued to a vehicle, the newest first' })
  @ApiResponse({ status: 200, standardSchema: page(IssuedPolicy) })
  @RequirePermission('policy:read')
  history(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<IssuedPolicy>> {
    return this.layers.vehicleHistory(actor, id, query);
  }

  @Post('reissue')
  @ApiOperation({ summary: 'Issue the policy of a vehicle again' })
  @ApiResponse({ status: 200, standardSchema: IssuedPolicy })
  @HttpCode(200)
  @RequirePermission('policy:write')
  reissue(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<IssuedPolicy> {
    return this.layers.reissue(actor, id);
  }
}

@ApiTags('policies')
@Controller('strategies')
export class StrategiesController {
  @Get()
  @ApiOperation({ summary: 'Strategies that a policy may name' })
  @ApiResponse({ status: 200, standardSchema: StrategyInfo.array() })
  @RequirePermission('policy:read')
  list(): z.infer<typeof StrategyInfo>[] {
    return builtInStrategies.map(({ name, description }) => ({ name, description }));
  }
}
