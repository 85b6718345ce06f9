import { createReadStream } from 'node:fs';
import { Controller, Get, Header, Inject, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '../auth/access.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { DomainError } from '../kernel/domain-error.js';

@ApiTags('map')
@Controller('map')
@RequirePermission('fleet:read')
export class BaseMapController {
  constructor(@Inject(GatewayConfig) private readonly config: GatewayConfig) {}

  @Get('base')
  @Header('cache-control', 'private, max-age=300')
  @ApiOperation({ summary: 'The configured base map (GeoJSON)' })
  base(): StreamableFile {
    const { baseMap } = this.config;
    if (baseMap === null) throw new DomainError('not-found', 'no-base-map', 'This gateway has no base map of its own.');
    return new StreamableFile(createReadStream(baseMap), { type: 'application/geo+json' });
  }
}
