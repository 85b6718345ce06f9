import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect } from 'node:net';
import type { GatewayConfig } from '../config/gateway-config.js';
import { StartError } from '../kernel/start-error.js';
import type { ServerCertificate } from './tls.js';

/** A client that trickles its request must not hold a connection for ever. Milliseconds. */
const PATIENCE: ServerOptions = { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 65_000 };
const MAX_CONNECTIONS = 5_000;

/**
 * The doors of one application: HTTPS, plain HTTP on a unix socket, or both. Nest knows one server (`primary`); the
 * other one hands it everything, upgrades to WebSocket included.
 */
export class Listeners {
  readonly primary: Server;
  readonly #socketServer: Server | undefined;
  readonly #tlsServer: TlsServer | undefined;

  constructor(
    private readonly config: GatewayConfig,
    certificate: ServerCertificate | null,
    handler: RequestListener,
  ) {
    const socketServer = config.httpSocket === null ? undefined : createServer(PATIENCE, handler);
    const tlsServer =
      config.listen === null || certificate === null
        ? undefined
        : createTlsServer({ ...PATIENCE, ...certificate, minVersion: 'TLSv1.2' }, handler);
    this.primary = (tlsServer ?? socketServer)!;
    this.#socketServer = socketServer;
    this.#tlsServer = tlsServer;
    if (tlsServer !== undefined) {
      socketServer?.on('upgrade', (request, socket, head) => tlsServer.emit('upgrade', request, socket, head));
    }
    for (const server of this.#servers()) server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws Error with one sentence that names the variable */
  async listen(): Promise<void> {
    const { listen, httpSocket } = this.config;
    if (listen !== null) {
      await listening(this.primary, 'CORRIDOR_LISTEN', { host: listen.host, port: listen.port });
    }
    if (httpSocket !== null && this.#socketServer !== undefined) {
      await removeStaleSocket(httpSocket);
      await listening(this.#socketServer, 'CORRIDOR_HTTP_SOCKET', { path: httpSocket });
      chmodSync(httpSocket, 0o600);
    }
  }

  /** For connections from now on. @throws Error of OpenSSL when it is none, or not that of the key */
  useCertificate(certificate: ServerCertificate): void {
    this.#tlsServer?.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
  }

  /** Port of the HTTPS listener; undefined without one. */
  get port(): number | undefined {
    const address = this.primary.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** No new connections from now on; those without a request are closed. */
  stop(): void {
    for (const server of this.#servers()) {
      if (server.listening) server.close();
      server.closeIdleConnections();
    }
  }

  /** Ends what is left. */
  end(): void {
    for (const server of this.#servers()) server.closeAllConnections();
  }

  #servers(): Server[] {
    return [...new Set([this.primary, this.#socketServer].filter((server) => server !== undefined))];
  }
}

function listening(server: Server, variable: string, where: { host: string; port: number } | { path: string }) {
  return new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(
        new StartError(`${variable}: cannot listen: ${error.code === 'EADDRINUSE' ? 'already in use' : error.message}`),
      );
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/** What a killed gateway left behind; a socket that somebody answers on, or any other file, stays. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!existsSync(path) || !lstatSync(path).isSocket()) return;
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (!answers) unlinkSync(path);
}
