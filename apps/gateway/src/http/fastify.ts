import type { RequestListener } from 'node:http';
import fastifyCompress from '@fastify/compress';
import fastifyHelmet from '@fastify/helmet';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, RawServerDefault } from 'fastify';
import type { GatewayConfig } from '../config/gateway-config.js';
import { InFlight } from './in-flight.js';
import { Listeners } from './listeners.js';
import type { Metrics } from './metrics.js';
import { helmetOptions } from './security-headers.js';
import type { ServerCertificate } from './tls.js';

/** The largest document that anybody sends is a signed policy or a policy layer. */
export const BODY_LIMIT_BYTES = 512 * 1024;

export interface Web {
  readonly adapter: FastifyAdapter;
  readonly fastify: FastifyInstance;
  readonly listeners: Listeners;
  readonly inFlight: InFlight;
}

/** Fastify on the configured listeners, with everything that concerns all routes alike. */
export async function makeWeb(config: GatewayConfig, certificate: ServerCertificate | null): Promise<Web> {
  let listeners: Listeners | undefined;
  const adapter = new FastifyAdapter<RawServerDefault>({
    serverFactory: (handler: RequestListener) => {
      listeners = new Listeners(config, certificate, handler);
      return listeners.primary;
    },
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: 200 },
    skipMiddie: true,
    multipart: false,
    return503OnClosing: false,
    // Only who connects to our unix socket is a proxy of ours: such a connection has no address.
    trustProxy: (address: string | undefined, hop: number) => hop === 0 && !address,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  const inFlight = new InFlight();
  inFlight.watch(fastify);
  fastify.removeContentTypeParser('text/plain');
  await fastify.register(fastifyHelmet, helmetOptions(config.tls !== null));
  await fastify.register(fastifyCompress, { global: true, threshold: 1024, encodings: ['gzip'] });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store');
    done();
  });
  return { adapter, fastify, listeners: listeners!, inFlight };
}

/** Measures each answer by the template of its route. */
export function measureRequests(fastify: FastifyInstance, metrics: Metrics): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.requestSeconds.observe(labels, reply.elapsedTime / 1000);
    done();
  });
}
