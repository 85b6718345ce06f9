import { ConfigError, GatewayConfig } from './config/gateway-config.js';
import { Gateway } from './gateway.js';
import { NestLog, pinoLogger } from './http/log.js';
import { SecretFileError } from './kernel/secret-file.js';

/** A part that does not end must not keep the process: what counts is committed as it happens. */
const CLOSE_MS = 15_000;

/** Runs the gateway until SIGTERM or SIGINT; answers the exit code. */
export async function main(environment: NodeJS.ProcessEnv = process.env): Promise<number> {
  let config: GatewayConfig;
  try {
    config = new GatewayConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`corridor-gateway: ${error.message}\n`);
    return 2;
  }
  const pino = pinoLogger(config.logLevel);
  for (const name of config.unknownVariables) pino.warn(`${name} is no variable of this gateway; a typing error?`);
  const stopped = stopSignal();
  try {
    const gateway = await Gateway.create(config, new NestLog(pino));
    await gateway.listen();
    pino.info({ url: config.publicUrl, socket: config.httpSocket }, 'ready');
    pino.info(`${await stopped}: ending`);
    await withinTime(gateway.close());
    pino.info('ended');
    return 0;
  } catch (error) {
    return explain(error);
  }
}

/** Resolves with the first signal; the second ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}

async function withinTime(closing: Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    process.stderr.write(`corridor-gateway: not ended after ${CLOSE_MS / 1000} s, giving up\n`);
    process.exit(1);
  }, CLOSE_MS);
  await closing;
  clearTimeout(timer);
}

/** What a person can act on is told as a sentence, a bug with its stack. */
function explain(error: unknown): number {
  const known = error instanceof SecretFileError || (error instanceof Error && /^[A-Z_]+: /.test(error.message));
  const text = error instanceof Error ? (known ? error.message : error.stack) : String(error);
  process.stderr.write(`corridor-gateway: ${text}\n`);
  return known ? 2 : 1;
}
