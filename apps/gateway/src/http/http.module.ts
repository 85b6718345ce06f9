import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { BaseMapController } from './base-map.controller.js';
import { DatabaseGate } from './database-gate.js';
import { HealthController } from './health.controller.js';
import { Health } from './health.js';
import { Metrics } from './metrics.js';
import { MetricsServer } from './metrics-server.js';
import { OpenApiController } from './openapi.controller.js';
import { OpenApi } from './openapi.js';
import { ProblemFilter } from './problem.filter.js';
import { StorableText } from './storable-text.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  controllers: [HealthController, OpenApiController, BaseMapController],
  providers: [
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_INTERCEPTOR, useClass: DatabaseGate },
    { provide: APP_INTERCEPTOR, useClass: StorableText },
    Health,
    Metrics,
    MetricsServer,
    OpenApi,
  ],
  exports: [Health, Metrics],
})
export class HttpModule {}
