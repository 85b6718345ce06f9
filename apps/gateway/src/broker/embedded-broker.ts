import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { anyDeviceTopic, DEVICE_PUBLISHES, DEVICE_RETAINS, DEVICE_SUBSCRIBES, parseTopic } from '@corridor/contracts';
import { Logger } from '@nestjs/common';
import { Aedes, type AedesOptions, type AuthenticateError, type Client, type ConnectPacket } from 'aedes';
import { decodeJwt } from 'jose';
import mqtt, { type MqttClient } from 'mqtt';
import type { Clock } from '../kernel/clock.js';
import type { ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import type { DeviceTokens } from '../provisioning/device-tokens.js';
import { BrokerAccess, type BusOptions, type MqttGrant } from './broker-access.js';
import { mayReceive, type Publication, publishRefusal, subscribeRefusal, willRefusal } from './device-acl.js';
import { DeviceSessions } from './device-sessions.js';
import { deviceUrl, type ListenConfig } from './device-url.js';
import { GuardedStream } from './guarded-stream.js';
import { PatientListener } from './patient-listener.js';
import { Violations } from './violations.js';

/** User name and client id of the gateway's own connection; no device id looks like it. */
const GATEWAY = 'gateway';
/** Before a client is known: CONNECT with a token and a will. */
const FIRST_PACKET_BYTES = 16 * 1024;
/** A full telemetry batch has about 250 KiB. */
const PACKET_BYTES = 1024 * 1024;
/** A device renews its token and reconnects with it; a session that outlives its token by more than this is cut. */
export const TOKEN_GRACE_MS = 60_000;

const LIMITS = {
  // With a limit, what waits for one receiver is worked off in a recursion as deep as the queue, and ends the process.
  // Without one nothing queues: each sender waits for its own messages to be delivered.
  concurrency: 0,
  // One client that reads nothing would hold up what others get: it goes after this.
  drainTimeout: 10_000,
  connectTimeout: 10_000,
  // corridor/v1/<device>/policy/request has five.
  maxTopicLevels: 8,
  // Packets of a client that does not wait for its CONNACK.
  queueLimit: 16,
  maxInflightInbound: 100,
} satisfies AedesOptions;
/** Seconds. Bounds how long a dead connection looks alive; a device that wants none is refused. */
const LONGEST_KEEPALIVE = 120;

const BAD_CREDENTIALS = 4;
const NOT_AUTHORISED = 5;
const IDENTIFIER_REJECTED = 2;

/**
 * MQTT 3.1.1 inside this process. A device is its token: user name, client id and the token's subject are the same id,
 * and everything it may do follows from `device-acl.ts`. What it may not is refused, counted and, where MQTT 3.1.1 has
 * no other answer, ends the connection. Nothing is kept on disk: the gateway publishes retained policies again.
 */
export class EmbeddedBroker extends BrokerAccess {
  readonly tellsPresence = true;
  readonly violations = new Violations('MQTT', 'broker');
  readonly #logger = new Logger('broker');
  readonly #sessions = new DeviceSessions();
  readonly #own = new WeakSet<object>();
  readonly #streams = new WeakMap<object, GuardedStream>();
  readonly #connects = new WeakMap<Client, ConnectPacket>();
  /** Kept here as well: a token may have been found good a moment before its device was revoked. */
  readonly #revoked = new Set<string>();
  readonly #password = randomBytes(32);
  readonly #listener: PatientListener;
  #aedes: Aedes | undefined;

  constructor(
    private readonly config: ListenConfig,
    private readonly tokens: Pick<DeviceTokens, 'verify'>,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {
    super();
    this.#listener = new PatientListener(config.mqttListen, (socket) => this.#accept(socket));
  }

  /** Resolves when the gateway itself can connect; the listener may have to wait for its address. */
  async open(): Promise<void> {
    const aedes = await Aedes.createBroker({
      ...LIMITS,
      preConnect: (client, packet, done) => {
        // No session outlives its connection: it would pile up messages in memory. CONNACK says so (session present 0).
        packet.clean = true;
        // Judged when it is known whose it is.
        this.#connects.set(client, packet);
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#authenticate(client, username ?? '', password ?? Buffer.alloc(0)).then(
          () => done(null, true),
          (error: AuthenticateError) => done(error, false),
        );
      },
      authorizePublish: (client, packet, done) => done(this.#publishError(client, packet)),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#maySubscribe(client, subscription) ? subscription : null),
      authorizeForward: (client, packet) => (this.#mayForward(client, packet.topic) ? packet : null),
    });
    aedes.on('clientReady', (client) => this.#ready(client));
    aedes.on('clientDisconnect', (client) => this.#ended(client, 'the MQTT connection ended'));
    aedes.on('keepaliveTimeout', (client) => this.#ended(client, 'nothing heard on the MQTT connection'));
    aedes.on('clientError', (client, error) => this.#note(client, error));
    aedes.on('connectionError', (client, error) => this.#note(client, error));
    (aedes as NodeJS.EventEmitter).on('error', (error: Error) => this.#logger.error(`broker: ${error.message}`));
    this.#aedes = aedes;
    await this.#listener.open();
  }

  async close(): Promise<void> {
    await this.#listener.close();
    const aedes = this.#aedes;
    this.#aedes = undefined;
    if (aedes) await new Promise<void>((resolve) => aedes.close(resolve));
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.violations.counts;
  }

  /** The port that devices use, once it listens. */
  get port(): number | undefined {
    return this.#listener.port;
  }

  /** Devices with a live session. */
  get connectedDevices(): number {
    return this.#sessions.devices;
  }

  async grant(device: ActiveDevice): Promise<MqttGrant> {
    return { urls: [deviceUrl(this.config, this.port)], username: device.deviceId, password: null };
  }

  async revoke(deviceId: string): Promise<void> {
    this.#revoked.add(deviceId);
    for (const client of this.#sessions.of(deviceId)) this.#cut(client, 'the device was revoked');
  }

  connectBus(options: BusOptions): MqttClient {
    return new mqtt.MqttClient(() => this.#entrance(), {
      ...options,
      // No network lies between, and a busy process must not look like a lost broker.
      keepalive: 0,
      clientId: GATEWAY,
      username: GATEWAY,
      password: this.#password,
    });
  }

  /** The gateway comes in without a socket, so its own connection needs no address and no port. */
  #entrance(): Duplex {
    if (this.#aedes === undefined) throw new Error('the broker is not running');
    const [ours, theirs] = duplexPair();
    // As with a socket, the end of one side is the end of the other.
    theirs.once('close', () => ours.destroy());
    ours.once('close', () => theirs.destroy());
    this.#own.add(theirs);
    this.#aedes.handle(theirs);
    return ours;
  }

  #accept(socket: Socket): void {
    if (this.#aedes === undefined) {
      socket.destroy();
      return;
    }
    const stream = new GuardedStream(socket, FIRST_PACKET_BYTES);
    const client = this.#aedes.handle(stream);
    this.#streams.set(client, stream);
  }

  async #authenticate(client: Client, username: string, password: Buffer): Promise<void> {
    if (this.#own.has(client.conn)) {
      const good = password.length === this.#password.length && timingSafeEqual(password, this.#password);
      if (username !== GATEWAY || !good) throw refused(BAD_CREDENTIALS);
      return;
    }
    const token = password.toString('utf8');
    const deviceId = await this.#deviceOf(token);
    if (deviceId === undefined) {
      this.violations.count('an unknown client', 'token-refused');
      throw refused(BAD_CREDENTIALS);
    }
    if (username !== deviceId) throw this.#violation(deviceId, 'foreign-username', NOT_AUTHORISED);
    if (client.id !== deviceId) throw this.#violation(deviceId, 'foreign-client-id', IDENTIFIER_REJECTED);
    const { will, keepalive = 0 } = this.#connects.get(client)!;
    const tooLong = keepalive === 0 || keepalive > LONGEST_KEEPALIVE;
    const refusal = tooLong ? 'keepalive' : will && willRefusal(deviceId, will);
    if (refusal !== undefined) throw this.#violation(deviceId, refusal, NOT_AUTHORISED);
    if (this.#revoked.has(deviceId) || client.closed) throw refused(NOT_AUTHORISED);
    this.#admit(client, deviceId, token);
  }

  async #deviceOf(token: string): Promise<string | undefined> {
    try {
      return (await this.tokens.verify(token)).deviceId;
    } catch {
      return undefined;
    }
  }

  #admit(client: Client, deviceId: string, token: string): void {
    // Verified above, so its claims can be believed.
    const expiresAtMs = (decodeJwt(token).exp ?? 0) * 1000;
    this.#sessions.add(client, deviceId, expiresAtMs + TOKEN_GRACE_MS - this.clock.nowMs(), () => {
      this.violations.count(deviceId, 'token-outlived');
      this.#cut(client, 'the access token expired');
    });
    client.conn.once('close', () => this.#ended(client, 'the MQTT connection ended'));
    const stream = this.#streams.get(client);
    if (stream) stream.mostBytes = PACKET_BYTES;
  }

  #ready(client: Client): void {
    const session = this.#sessions.ready(client);
    if (session === undefined) return;
    for (const older of session.older) this.#cut(older, 'replaced by a newer connection');
    this.events.emit('device-connected', { deviceId: session.deviceId });
  }

  #ended(client: Client, reason: string): void {
    const deviceId = this.#sessions.end(client);
    if (deviceId !== undefined) this.events.emit('device-disconnected', { deviceId, reason });
  }

  #cut(client: Client, reason: string): void {
    this.#ended(client, reason);
    client.close();
  }

  #publishError(client: Client | null, packet: Publication & { payload?: string | Buffer }): Error | null {
    if (client !== null && this.#own.has(client.conn)) {
      return ownPublication(packet) ? null : new Error('not a topic of the gateway');
    }
    const deviceId = this.#sessions.deviceOf(client);
    if (deviceId === undefined || this.#revoked.has(deviceId)) return new Error('not authorised');
    const refusal = publishRefusal(deviceId, packet);
    return refusal === undefined ? null : this.#violation(deviceId, refusal, NOT_AUTHORISED);
  }

  #maySubscribe(client: Client, subscription: { topic: string; qos?: number }): boolean {
    if (this.#own.has(client.conn)) return GATEWAY_SUBSCRIBES.has(subscription.topic);
    const deviceId = this.#sessions.deviceOf(client);
    if (deviceId === undefined || this.#revoked.has(deviceId)) return false;
    const refusal = subscribeRefusal(deviceId, subscription);
    if (refusal !== undefined) this.#violation(deviceId, `subscribe-${refusal}`, NOT_AUTHORISED);
    return refusal === undefined;
  }

  #mayForward(client: Client, topic: string): boolean {
    if (this.#own.has(client.conn)) return true;
    const deviceId = this.#sessions.deviceOf(client);
    return deviceId !== undefined && !this.#revoked.has(deviceId) && mayReceive(deviceId, topic);
  }

  #violation(deviceId: string, kind: string, returnCode: number): AuthenticateError {
    this.violations.count(deviceId, kind);
    return refused(returnCode);
  }

  /** What the broker itself found wrong with a connection. That it was lost is nothing wrong: devices drive through tunnels. */
  #note(client: Client, error: Error & { code?: string; errorCode?: number }): void {
    if (error.errorCode !== undefined || error.code !== undefined || NO_FAULT.has(error.message)) return;
    this.violations.count(this.#sessions.deviceOf(client) ?? 'an unknown client', 'connection-fault', error.message);
  }
}

/** As this broker and Aedes word it. */
const NO_FAULT: ReadonlySet<string> = new Set([
  'not authorised',
  'connection closed',
  'keep alive timeout',
  'drain timeout',
]);

const GATEWAY_SUBSCRIBES: ReadonlySet<string> = new Set(DEVICE_PUBLISHES.map((leaf) => anyDeviceTopic(leaf)));

/** What devices subscribe to; and an empty retained status, which removes what a revoked device left behind. */
function ownPublication({ topic, payload, retain }: Publication & { payload?: string | Buffer }): boolean {
  const leaf = parseTopic(topic)?.leaf;
  if (DEVICE_SUBSCRIBES.some((each) => each === leaf)) return true;
  return leaf === DEVICE_RETAINS && retain === true && (payload === undefined || payload.length === 0);
}

function refused(returnCode: number): AuthenticateError {
  return Object.assign(new Error('not authorised'), { returnCode }) as AuthenticateError;
}
