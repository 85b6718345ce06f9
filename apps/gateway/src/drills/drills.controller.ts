import { BlockLink, Id, LinkDrill, LinkName, PathName } from '@corridor/contracts';
import { Body, Controller, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { DrillsService } from './drills.service.js';

@ApiTags('drills')
@Controller('vehicles/:id/links/:name')
@RequirePermission('drill:run')
export class DrillsController {
  constructor(@Inject(DrillsService) private readonly drills: DrillsService) {}

  @Put('blocked')
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a path out of use at the gateway’s end, or put it back' })
  block(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Param('name', { schema: PathName }) name: string,
    @Body({ schema: BlockLink }) body: z.infer<typeof BlockLink>,
  ): Promise<void> {
    return this.drills.block(actor, id, name, body.blocked);
  }

  @Post('drill')
  @HttpCode(204)
  @ApiOperation({ summary: 'Cut or restore an emulated link of the demo' })
  drill(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Param('name', { schema: LinkName }) name: string,
    @Body({ schema: LinkDrill }) body: z.infer<typeof LinkDrill>,
  ): Promise<void> {
    return this.drills.drill(actor, id, name, body.action);
  }
}
