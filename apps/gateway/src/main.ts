import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { GatewayConfig } from './config/gateway-config.js';
import { explain } from './explain.js';
import { Gateway } from './gateway.js';
import { NestLog, pinoLogger } from './http/log.js';
import { StartError } from './kernel/start-error.js';

/** A part that does not end must not keep the process: what counts is committed as it happens. */
const CLOSE_MS = 15_000;

/** Runs the gateway until SIGTERM or SIGINT; answers the exit code. */
export async function main(environment: NodeJS.ProcessEnv = process.env): Promise<number> {
  const asked = stopSignal();
  let gateway: Gateway | undefined;
  try {
    const config = new GatewayConfig(environment);
    const pino = pinoLogger(config.logLevel);
    for (const name of config.unknownVariables) pino.warn(`${name} is no variable of this gateway; a typing error?`);
    requireNetworkRights(config);
    const broken = bugs(pino);
    gateway = await Gateway.create(config, new NestLog(pino));
    await gateway.listen();
    pino.info({ url: config.publicUrl, socket: config.httpSocket }, 'ready');
    const why = await Promise.race([asked, broken]);
    pino.info(`${why}: ending`);
    await withinTime(gateway.close());
    pino.info('ended');
    return why === BROKEN ? 1 : 0;
  } catch (error) {
    const code = explain(error);
    if (gateway !== undefined) await withinTime(gateway.close());
    return code;
  }
}

const BROKEN = 'a bug';

/**
 * A forgotten promise is a bug, but no reason to take every tunnel down. After an exception that nobody caught nothing is
 * certain any more: the gateway ends in order, and whoever supervises it starts it again.
 */
function bugs(pino: Logger): Promise<typeof BROKEN> {
  process.on('unhandledRejection', (error) => pino.error({ err: error }, 'a promise was rejected and nobody looked'));
  return new Promise((resolve) => {
    process.on('uncaughtException', (error) => {
      pino.fatal({ err: error }, 'an exception was thrown and nobody caught it');
      resolve(BROKEN);
    });
  });
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

/** Bit of CAP_NET_ADMIN (capabilities(7)). */
const CAP_NET_ADMIN = 12n;

/** Said before anything is started, as the TUN device is the one thing that cannot be made without. */
function requireNetworkRights(config: GatewayConfig): void {
  if (!config.tunnel) return;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  if (((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n) return;
  throw new StartError(
    'CAP_NET_ADMIN is missing, which the TUN device needs: start as root or by systemd with AmbientCapabilities (deploy/), or set CORRIDOR_TUNNEL=off for the control plane alone',
  );
}
