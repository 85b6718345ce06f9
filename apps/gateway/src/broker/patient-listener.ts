import { createServer, type Server, type Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { ListenAddress } from '../config/gateway-config.js';

const RETRY_MS = 500;
/** Above what one gateway is made for; beyond it new connections are closed at once. */
const MOST_CONNECTIONS = 10_000;

/**
 * A TCP server whose address may not exist yet (the tunnel's interface comes up after the broker) or may still be taken
 * by a gateway that is just ending: tries again until it stands, and says once why it waits.
 */
export class PatientListener {
  readonly #logger = new Logger('broker');
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #closed = true;

  constructor(
    private readonly address: ListenAddress,
    private readonly accept: (socket: Socket) => void,
  ) {}

  /** Resolves after the first attempt, whatever became of it. */
  open(): Promise<void> {
    this.#closed = false;
    return this.#listen();
  }

  /** The port, once it listens. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }

  #listen(): Promise<void> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.accept(socket);
    });
    server.maxConnections = MOST_CONNECTIONS;
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.#retry(error.code ?? error.message);
        resolve();
      });
      server.listen(this.address.port, this.address.host, () => {
        // Accepting may fail later, for want of descriptors: that is no reason to end.
        server.removeAllListeners('error').on('error', (error) => this.#tell(error.message));
        if (this.#closed) server.close();
        else this.#server = server;
        this.#told = '';
        this.#logger.log(`listening on ${this.address.host}, port ${this.port}`);
        resolve();
      });
    });
  }

  #retry(why: string): void {
    if (this.#closed) return;
    this.#tell(why);
    this.#timer = setTimeout(() => void this.#listen(), RETRY_MS);
  }

  #tell(why: string): void {
    if (this.#told === why) return;
    this.#told = why;
    const { host, port } = this.address;
    const reason = why === 'EADDRNOTAVAIL' ? 'the address is not there yet' : why;
    this.#logger.warn(`waiting to listen on ${host}, port ${port}: ${reason}`);
  }
}
