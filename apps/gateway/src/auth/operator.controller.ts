import { CreateOperator, Id, Operator, type Page, PageQuery, page, UpdateOperator } from '@corridor/contracts';
import { Body, Controller, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from './access.js';
import { CurrentActor, type OperatorActor } from './actor.js';
import { OperatorService } from './operator.service.js';

@ApiTags('operators')
@Controller('operators')
@RequirePermission('operator:manage')
export class OperatorController {
  constructor(@Inject(OperatorService) private readonly operators: OperatorService) {}

  @Get()
  @ApiOperation({ summary: 'List operators' })
  @ApiResponse({ status: 200, standardSchema: page(Operator) })
  list(@CurrentActor() actor: OperatorActor, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Operator>> {
    return this.operators.list(actor.organisationId, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create an operator' })
  @ApiResponse({ status: 201, standardSchema: Operator })
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateOperator }) body: z.infer<typeof CreateOperator>,
  ): Promise<Operator> {
    return this.operators.create(actor, body);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change an operator; less rights or another password end the sessions' })
  @ApiResponse({ status: 200, standardSchema: Operator })
  update(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateOperator }) body: z.infer<typeof UpdateOperator>,
  ): Promise<Operator> {
    return this.operators.update(actor, id, body);
  }
}
