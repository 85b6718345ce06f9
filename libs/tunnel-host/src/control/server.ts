import { rmSync } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import type { HostEvent, HostStatus } from '../status.js';
import { ControlClient } from './client.js';
import { readLines, writeLine } from './lines.js';
import { ControlError, type ControlRequest, type PolicyDocument } from './protocol.js';

/** What the control socket can do; implemented by whoever owns the host. */
export interface ControlTarget {
  status(): Promise<HostStatus>;
  /** Answers the version that is in force. */
  setPolicy(policy: PolicyDocument): Promise<number>;
  setPathBlocked(name: string, blocked: boolean, vehicle: string | undefined): Promise<void>;
  /** Answers a function that ends the subscription. */
  onEvent(listener: (event: HostEvent) => void): () => void;
}

const linkParams = z.strictObject({ name: z.string().min(1), blocked: z.boolean(), vehicle: z.string().optional() });
const policyParams = z.strictObject({ policy: z.record(z.string(), z.unknown()) });
const watchParams = z.strictObject({ intervalMs: z.int().min(100).max(60_000).optional() });

/** The listening end of the control protocol. */
export class ControlServer {
  readonly #server: Server;
  readonly #target: ControlTarget;
  readonly #path: string;
  readonly #connections = new Set<Socket>();
  /** A process that dies of a bug still takes its socket away. */
  readonly #atExit = () => rmSync(this.#path, { force: true });

  private constructor(path: string, target: ControlTarget) {
    this.#path = path;
    this.#target = target;
    // Before it listens: a connection that nobody takes at once would never be answered.
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /**
   * Listens at `path` with mode 0600. A socket that a dead process left is replaced.
   * @throws ControlError when a living process answers there.
   */
  static async listen(path: string, target: ControlTarget): Promise<ControlServer> {
    await removeStale(path);
    const control = new ControlServer(path, target);
    // The socket is made with the mode that the umask leaves: there is no moment in which others may connect.
    const umask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        control.#server.once('error', (error) => {
          reject(new ControlError('ERR_CONTROL_LISTEN', `${path}: ${error.message}`));
        });
        control.#server.listen(path, resolve);
      });
    } finally {
      process.umask(umask);
    }
    process.once('exit', control.#atExit);
    return control;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.end();
    const gone = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroySoon();
    await gone;
    process.off('exit', this.#atExit);
    await unlink(this.#path).catch(() => {});
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    const atClose: (() => void)[] = [];
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#connections.delete(socket);
      for (const undo of atClose) undo();
    });
    readLines(socket, (line) => void this.#answer(socket, line, atClose));
  }

  async #answer(socket: Socket, line: string, atClose: (() => void)[]): Promise<void> {
    let id = 0;
    try {
      const request = parseRequest(line);
      id = request.id;
      const result = await this.#perform(socket, request, atClose);
      writeLine(socket, { id, result });
    } catch (error) {
      writeLine(socket, { id, error: { code: errorCode(error), message: (error as Error).message } });
    }
  }

  async #perform(
    socket: Socket,
    { id, method, params = {} }: ControlRequest,
    atClose: (() => void)[],
  ): Promise<unknown> {
    switch (method) {
      case 'status':
        return this.#target.status();
      case 'policy':
        return {
          version: await this.#target.setPolicy(check(policyParams, params).policy as unknown as PolicyDocument),
        };
      case 'link': {
        const { name, blocked, vehicle } = check(linkParams, params);
        await this.#target.setPathBlocked(name, blocked, vehicle);
        return {};
      }
      case 'watch':
        this.#watch(socket, id, check(watchParams, params).intervalMs, atClose);
        return {};
      default:
        throw new ControlError(
          'ERR_CONTROL_METHOD',
          `unknown method "${method}": expected status, policy, link or watch`,
        );
    }
  }

  #watch(socket: Socket, id: number, intervalMs: number | undefined, atClose: (() => void)[]): void {
    atClose.push(this.#target.onEvent((event) => writeLine(socket, { id, event })));
    if (intervalMs === undefined) return;
    const timer = setInterval(() => {
      // A watcher that does not read gets fewer frames instead of a growing buffer.
      if (socket.writableLength > 0) return;
      this.#target.status().then(
        (status) => writeLine(socket, { id, status }),
        () => socket.end(),
      );
    }, intervalMs);
    atClose.push(() => clearInterval(timer));
  }
}

async function removeStale(path: string): Promise<void> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect(path);
  } catch {
    // Only a socket may be cleared away: a mistyped path must not cost somebody a file.
    const left = await lstat(path).catch(() => undefined);
    if (left?.isSocket()) await unlink(path);
    else if (left) throw new ControlError('ERR_CONTROL_LISTEN', `${path}: exists and is not a socket`);
    return;
  }
  client.close();
  throw new ControlError('ERR_ALREADY_RUNNING', `${path}: a tunnel is running there already`);
}

function parseRequest(line: string): ControlRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    throw new ControlError('ERR_CONTROL_REQUEST', 'expected one JSON object a line');
  }
  const shape = z.object({ id: z.int().min(0), method: z.string(), params: z.unknown().optional() });
  return check(shape, request) as ControlRequest;
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw new ControlError(
    'ERR_CONTROL_REQUEST',
    where === '' ? (issue?.message ?? 'bad request') : `${where}: ${issue?.message}`,
  );
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : 'ERR_INTERNAL';
}
