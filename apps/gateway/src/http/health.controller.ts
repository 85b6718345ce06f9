import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public, WithoutDatabase } from '../auth/access.js';
import { Health, Readiness } from './health.js';

const Live = z.object({ status: z.literal('live') });

@ApiTags('health')
@Controller('health')
@Public()
@WithoutDatabase()
export class HealthController {
  constructor(@Inject(Health) private readonly health: Health) {}

  @Get('live')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The process answers' })
  @ApiResponse({ status: 200, standardSchema: Live })
  live(): z.infer<typeof Live> {
    return { status: 'live' };
  }

  @Get('ready')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Everything works; 503 names the parts that do not' })
  @ApiResponse({ status: 200, standardSchema: Readiness })
  @ApiResponse({ status: 503, standardSchema: Readiness })
  ready(@Res({ passthrough: true }) reply: FastifyReply): Readiness {
    const readiness = this.health.readiness();
    void reply.code(readiness.status === 'ready' ? 200 : 503);
    return readiness;
  }
}
