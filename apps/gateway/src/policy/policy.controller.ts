import {
  Id,
  type IssuedPolicy,
  type Page,
  PageQuery,
  type PolicyRevision,
  PolicyScope,
  PutPolicy,
  type StrategyInfo,
  type VehiclePolicy,
} from '@corridor/contracts';
import { builtInStrategies } from '@corridor/strategy';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { PolicyLayersService } from './policy-layers.service.js';

const Scope = PolicyScope.exclude(['built-in']);
type Scope = z.infer<typeof Scope>;

@Controller('policies')
export class PoliciesController {
  constructor(@Inject(PolicyLayersService) private readonly layers: PolicyLayersService) {}

  @Get(':scope/:id')
  @RequirePermission('policy:read')
  get(
    @CurrentActor() actor: OperatorActor,
    @Param('scope', { schema: Scope }) scope: Scope,
    @Param('id', { schema: Id }) id: string,
  ): Promise<PolicyRevision> {
    return this.layers.layer(actor, scope, id);
  }

  @Put(':scope/:id')
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

@Controller('vehicles/:id/policy')
export class VehiclePolicyController {
  constructor(@Inject(PolicyLayersService) private readonly layers: PolicyLayersService) {}

  @Get()
  @RequirePermission('policy:read')
  get(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<VehiclePolicy> {
    return this.layers.vehiclePolicy(actor, id);
  }

  @Get('history')
  @RequirePermission('policy:read')
  history(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<IssuedPolicy>> {
    return this.layers.vehicleHistory(actor, id, query);
  }

  @Post('reissue')
  @HttpCode(200)
  @RequirePermission('policy:write')
  reissue(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<IssuedPolicy> {
    return this.layers.reissue(actor, id);
  }
}

@Controller('strategies')
export class StrategiesController {
  @Get()
  @RequirePermission('policy:read')
  list(): z.infer<typeof StrategyInfo>[] {
    return builtInStrategies.map(({ name, description }) => ({ name, description }));
  }
}
