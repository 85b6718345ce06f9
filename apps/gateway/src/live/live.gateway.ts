import type { IncomingMessage } from 'node:http';
import { LiveResync, readDocument } from '@corridor/contracts';
import { Inject, Logger, type OnModuleDestroy } from '@nestjs/common';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { WebSocket, WebSocketServer } from 'ws';
import type { OperatorActor } from '../auth/actor.js';
import { OperatorSessions } from '../auth/operator-sessions.js';
import { originAllowed } from '../auth/origin.js';
import { Clock } from '../kernel/clock.js';
import { DomainError, STATUS_OF } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { isUnavailable } from '../store/unavailable.js';
import { LiveService } from './live.service.js';
import type { LiveClient } from './live-client.js';

export const LIVE_PATH = '/api/v1/live';
/** Application codes of the closing handshake (RFC 6455 section 7.4.2): 4000 and the HTTP status. */
const UNAUTHENTICATED = 4401;
const TOO_MANY = 4429;
const UNAVAILABLE = 4503;
/** Sessions are looked at this often: their expiry comes without an event. */
const CHECK_MS = 30_000;
const MOST_CLIENTS = 500;
/** A client has nothing to say but "resync". */
const MOST_MESSAGES = 100;
const MESSAGES_MS = 60_000;

interface Connection {
  readonly actor: OperatorActor;
  client: LiveClient | undefined;
  messages: number;
  sinceMs: number;
}

/** `/api/v1/live`: who may listen, until when, and what a browser may say. The feed itself is {@link LiveService}. */
@WebSocketGateway({ path: LIVE_PATH, maxPayload: 1024 })
export class LiveGateway implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect, OnModuleDestroy {
  readonly #log = new Logger('live');
  readonly #actors = new WeakMap<IncomingMessage, OperatorActor>();
  readonly #connections = new Map<WebSocket, Connection>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    @Inject(OperatorSessions) private readonly sessions: OperatorSessions,
    @Inject(LiveService) private readonly live: LiveService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    events.on('operator-changed', ({ operatorId }) => {
      // Whoever still may comes back at once, with the rights of now.
      for (const [socket, { actor }] of this.#connections) {
        if (actor.operatorId === operatorId) socket.close(UNAUTHENTICATED, 'the session or its rights changed');
      }
    });
    this.#timer = setInterval(() => void this.#checkSessions(), CHECK_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Refuses before the upgrade, with an HTTP status: nobody without the rights gets as far as a WebSocket. */
  afterInit(server: WebSocketServer): void {
    server.options.verifyClient = ({ req }, done) => {
      this.#authorise(req).then(
        () => done(true),
        (error: unknown) => done(false, ...refusalOf(error)),
      );
    };
  }

  handleConnection(socket: WebSocket, request: IncomingMessage): void {
    const actor = this.#actors.get(request);
    if (!actor) {
      socket.terminate();
      return;
    }
    const connection: Connection = { actor, client: undefined, messages: 0, sinceMs: this.clock.nowMs() };
    this.#connections.set(socket, connection);
    socket.on('message', (data) => this.#message(socket, connection, String(data)));
    socket.on('pong', () => connection.client?.pong());
    void this.#join(socket, connection);
  }

  handleDisconnect(socket: WebSocket): void {
    const connection = this.#connections.get(socket);
    this.#connections.delete(socket);
    if (connection?.client) this.live.leave(connection.actor.organisationId, connection.client);
  }

  async #authorise(request: IncomingMessage): Promise<void> {
    if (!originAllowed(request.headers)) {
      throw new DomainError('forbidden', 'origin-refused', 'Another site may not listen.');
    }
    const actor = await this.sessions.authenticate(request);
    for (const permission of ['fleet:read', 'telemetry:read'] as const) {
      if (!actor.permissions.has(permission)) {
        throw new DomainError('forbidden', 'permission-missing', `This needs the permission ${permission}.`);
      }
    }
    if (this.#connections.size >= MOST_CLIENTS) {
      throw new DomainError('unavailable', 'too-many-clients', 'Too many listeners.');
    }
    this.#actors.set(request, actor);
  }

  async #join(socket: WebSocket, connection: Connection): Promise<void> {
    try {
      const client = await this.live.join(connection.actor.organisationId, socket);
      connection.client = client;
      // It may have gone while the registry was read.
      if (!this.#connections.has(socket)) this.live.leave(connection.actor.organisationId, client);
    } catch (error) {
      if (!isUnavailable(error) && !(error instanceof DomainError)) this.#log.error(error);
      socket.close(UNAVAILABLE, 'the registry cannot be read at the moment');
    }
  }

  #message(socket: WebSocket, connection: Connection, text: string): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - connection.sinceMs > MESSAGES_MS) {
      connection.messages = 0;
      connection.sinceMs = nowMs;
    }
    connection.messages++;
    if (connection.messages > MOST_MESSAGES) socket.close(TOO_MANY, 'too many messages');
    else if (connection.client && readDocument(LiveResync, text).ok) {
      this.live.resync(connection.actor.organisationId, connection.client);
    }
  }

  async #checkSessions(): Promise<void> {
    for (const [socket, { actor }] of [...this.#connections]) {
      try {
        const { expiresAt } = await this.sessions.describe(actor);
        if (Date.parse(expiresAt) <= this.clock.nowMs()) socket.close(UNAUTHENTICATED, 'the session has ended');
      } catch (error) {
        // While the database is away nobody is thrown out: the rights were good a moment ago.
        if (error instanceof DomainError && error.kind === 'unauthenticated') {
          socket.close(UNAUTHENTICATED, 'the session has ended');
        }
      }
    }
  }
}

function refusalOf(error: unknown): [number, string] {
  if (error instanceof DomainError) return [STATUS_OF[error.kind], error.message];
  return isUnavailable(error) ? [503, 'The gateway cannot check the session at the moment.'] : [500, 'Internal error.'];
}
