import { ApiToken, CreateApiToken, CreatedApiToken, Id, type Page, PageQuery, page } from '@corridor/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from './access.js';
import { CurrentActor, type OperatorActor } from './actor.js';
import { TokenService } from './token.service.js';

@ApiTags('tokens')
@Controller('tokens')
@RequirePermission('token:manage')
export class TokenController {
  constructor(@Inject(TokenService) private readonly tokens: TokenService) {}

  @Get()
  @ApiOperation({ summary: 'List my API tokens' })
  @ApiResponse({ status: 200, standardSchema: page(ApiToken) })
  list(@CurrentActor() actor: OperatorActor, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<ApiToken>> {
    return this.tokens.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create an API token; it is shown in this answer only' })
  @ApiResponse({ status: 201, standardSchema: CreatedApiToken })
  create(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: CreateApiToken }) body: z.infer<typeof CreateApiToken>,
  ): Promise<z.infer<typeof CreatedApiToken>> {
    return this.tokens.create(actor, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'End an API token' })
  remove(@CurrentActor() actor: OperatorActor, @Param('id', { schema: Id }) id: string): Promise<void> {
    return this.tokens.remove(actor, id);
  }
}
