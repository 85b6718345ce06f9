import { OperatorService } from './auth/operator.service.js';
import { generatePassword, Passwords } from './auth/passwords.js';
import { GatewayConfig } from './config/gateway-config.js';
import { DomainEvents } from './kernel/domain-events.js';
import { OperatorRepository } from './store/operator-repository.js';
import { PrismaService } from './store/prisma.service.js';

/**
 * `corridor-gateway reset-password USER`: a generated password on standard output, and nowhere else. With an external
 * database the gateway may run meanwhile: sessions are looked up in the database, so they end there as well. The embedded
 * database belongs to one process; the gateway must not run then.
 */
export async function resetPassword(username: string, environment: NodeJS.ProcessEnv): Promise<number> {
  const config = new GatewayConfig(environment);
  const store = await PrismaService.open({ databaseUrl: config.databaseUrl, dataDirectory: config.dataDirectory });
  try {
    const operators = new OperatorService(new OperatorRepository(store), new Passwords(), new DomainEvents());
    const password = generatePassword();
    await operators.resetPassword(username.trim().toLowerCase(), password);
    process.stdout.write(`${password}\n`);
    return 0;
  } finally {
    await store.onApplicationShutdown();
  }
}
