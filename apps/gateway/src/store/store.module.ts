import { Global, Module, type Type } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { PrismaService } from './prisma.service.js';

/** Each domain adds its repository here: it is the only way in which the domain reaches the database. */
const REPOSITORIES: Type[] = [];

/**
 * The database. `PrismaService` is made by an asynchronous factory, so that nothing that depends on it exists before the
 * database is reachable and migrated, whatever the order of lifecycle hooks is.
 */
@Global()
@Module({
  providers: [
    {
      provide: PrismaService,
      inject: [GatewayConfig],
      useFactory: (config: GatewayConfig) =>
        PrismaService.open({ databaseUrl: config.databaseUrl, dataDirectory: config.dataDirectory }),
    },
    ...REPOSITORIES,
  ],
  exports: [PrismaService, ...REPOSITORIES],
})
export class StoreModule {}
