import { createServer, type Server, type Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { ListenAddress } from '../config/gateway-config.js';

const RETRY_MS = 500;
/** Above what one gateway is made for; beyond it new connections are closed at once. */
const MOST_CONNECTIONS = 10_000;
/** From one address that is not this machine's: a vehicle has one, and needs two while it replaces one. */
const MOST_FROM_ADDRESS = 16;

/**
 * A TCP server whose address may not exist yet (the tunnel's interface comes up after the broker) or may still be taken
 * by a gateway that is just ending: tries again until it stands, and says once why it waits.
 */
export class PatientListener {
  readonly #logger = new Logger('broker');
  readonly #sockets = new Set<Socket>();
  /** Connections by the address that they come from. */
  readonly #counts = new Map<string, number>();
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #closed = true;

  constructor(
    private readonly address: ListenAddress,
    private readonly accept: (socket: Socket) => void,
    private readonly mostFromAddress = MOST_FROM_ADDRESS,
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
      if (this.#crowded(socket)) {
        socket.destroy();
        return;
      }
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

  /** One vehicle must not be able to keep the others out. */
  #crowded(socket: Socket): boolean {
    const address = socket.remoteAddress;
    const count = this.#counts.get(address ?? '') ?? 0;
    if (address === undefined || (count >= this.mostFromAddress && !isLocal(socket))) return true;
    this.#counts.set(address, count + 1);
    socket.on('close', () => {
      const rest = this.#counts.get(address)! - 1;
      if (rest > 0) this.#counts.set(address, rest);
      else this.#counts.delete(address);
    });
    return false;
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

function isLocal({ remoteAddress, localAddress }: Socket): boolean {
  return remoteAddress === localAddress || /^(::ffff:)?127\.|^::1$/.test(remoteAddress ?? '');
}
