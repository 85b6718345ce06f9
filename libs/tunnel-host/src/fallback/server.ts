import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { parseEndpoint } from '../address.js';
import { HostError } from '../errors.js';
import type { GatewayFallbackOptions } from '../options.js';
import { FALLBACK_PATH } from './constants.js';

/** Who trickles a request is shown out, milliseconds. */
const HEADERS_MS = 5_000;
const MAX_CONNECTIONS = 5_000;

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** HTTPS listeners that know nothing but the tunnel's WebSocket: for a tunnel without a control plane. */
export class FallbackServer {
  readonly #servers: Server[] = [];

  /** @throws HostError in one sentence; nothing is left behind */
  static async listen({ listen, certificate, key }: GatewayFallbackOptions, upgrade: Upgrade): Promise<FallbackServer> {
    const made = new FallbackServer();
    try {
      for (const text of listen) await made.#listen(text, certificate, key, upgrade);
      return made;
    } catch (error) {
      made.close();
      throw error;
    }
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #listen(text: string, cert: string, key: string, upgrade: Upgrade): Promise<void> {
    const endpoint = parseEndpoint(text);
    if (!endpoint) throw new HostError('ERR_HOST_CONFIG', `"${text}" is not "address:port"`);
    const server = makeServer(cert, key, upgrade);
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(new HostError('ERR_HOST_SYSTEM', `cannot listen for TLS on ${text}: ${error.message}`));
      });
      server.listen({ host: endpoint.address, port: endpoint.port, ipv6Only: endpoint.family === 6 }, resolve);
    });
  }
}

function refuse(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

function makeServer(cert: string, key: string, upgrade: Upgrade): Server {
  let server: Server;
  try {
    server = createServer({
      cert,
      key,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HEADERS_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: HEADERS_MS,
      keepAliveTimeout: HEADERS_MS,
      connectionsCheckingInterval: 1000,
    });
  } catch (error) {
    throw new HostError('ERR_HOST_CONFIG', `the fallback's certificate cannot be used: ${(error as Error).message}`);
  }
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (_, response) => response.writeHead(404, { connection: 'close' }).end());
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?')[0] === FALLBACK_PATH) upgrade(request, socket, head);
    else refuse(socket);
  });
  return server;
}
