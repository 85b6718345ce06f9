import 'reflect-metadata';
import { Logger, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { appModule } from './app.module.js';
import { MessageBus } from './bus/message-bus.js';
import type { GatewayConfig } from './config/gateway-config.js';
import { serveConsole } from './http/console.js';
import { makeWeb, measureRequests, type Web } from './http/fastify.js';
import { Health } from './http/health.js';
import { Metrics } from './http/metrics.js';
import { OpenApi } from './http/openapi.js';
import { validationPipe } from './http/problem.js';
import { serverCertificate } from './http/tls.js';
import { KeyRing } from './kernel/key-ring.js';
import { TunnelService } from './tunnel/tunnel.service.js';
import { TunnelDoorAdapter } from './tunnel/tunnel-door.js';

export const API_PREFIX = 'api/v1';
/** How long requests under way may take when the gateway ends, milliseconds. */
const DRAIN_MS = 5_000;
const DAY_MS = 86_400_000;

/** The gateway as one object: made, listening, ended. */
export class Gateway {
  private constructor(
    readonly nest: NestFastifyApplication,
    private readonly web: Web,
    private readonly renewal: NodeJS.Timeout | undefined,
  ) {}

  /** Everything is made and started but the HTTP listeners. */
  static async create(config: GatewayConfig, logger: LoggerService): Promise<Gateway> {
    const keys = await KeyRing.open(config);
    const certificate = config.listen === null ? null : await serverCertificate(config, keys);
    const web = await makeWeb(config, certificate);
    const nest = await NestFactory.create<NestFastifyApplication>(appModule(config, keys), web.adapter, {
      logger,
      abortOnError: false,
      bodyParser: false,
    });
    nest.setGlobalPrefix(API_PREFIX, { exclude: ['health/live', 'health/ready'] });
    nest.useGlobalPipes(validationPipe);
    const tunnel = nest.get(TunnelService, { strict: false });
    nest.useWebSocketAdapter(new TunnelDoorAdapter(nest, (...upgrade) => tunnel.upgrade(...upgrade)));
    measureRequests(web.fastify, nest.get(Metrics));
    nest.get(OpenApi).describe(nest);
    nest.get(Health).addPart('broker', () => (nest.get(MessageBus, { strict: false }).connected ? 'up' : 'down'));
    await serveConsole(web.fastify);
    await nest.init();
    await web.fastify.ready();
    return new Gateway(nest, web, certificate === null ? undefined : renewDaily(config, keys, web));
  }

  listen(): Promise<void> {
    return this.web.listeners.listen();
  }

  /** Port of the HTTPS listener; undefined without one. */
  get port(): number | undefined {
    return this.web.listeners.port;
  }

  /** Not ready from now on; requests under way are finished; then every module ends in Nest's order, the database last. */
  async close(): Promise<void> {
    clearInterval(this.renewal);
    this.nest.get(Health).drain();
    this.web.listeners.stop();
    await this.web.inFlight.settled(DRAIN_MS);
    await this.nest.close();
    this.web.listeners.end();
  }
}

/** Our own certificate is made anew in time, a given one is read again: nobody has to restart a gateway for that. */
function renewDaily(config: GatewayConfig, keys: KeyRing, web: Web): NodeJS.Timeout {
  const renew = async () => {
    try {
      web.listeners.useCertificate(await serverCertificate(config, keys));
    } catch (error) {
      new Logger('http').error(`the certificate stays as it was: ${(error as Error).message}`);
    }
  };
  return setInterval(() => void renew(), DAY_MS).unref();
}
