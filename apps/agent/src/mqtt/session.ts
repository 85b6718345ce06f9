import { createRequire } from 'node:module';
import { connect } from 'node:net';
import {
  DEVICE_RETAINS,
  DEVICE_SUBSCRIBES,
  type DevicePublishes,
  type DeviceSubscribes,
  deviceTopic,
  parseTopic,
} from '@corridor/contracts';
// The client alone: the package's main entry also loads WebSocket, SOCKS and what else it can connect by.
import type client from 'mqtt/lib/client';
import { AgentError, reasonOf } from '../errors.js';

const MqttClient = (createRequire(import.meta.url)('mqtt/lib/client') as typeof client).default;
/** From the first packet of TCP to CONNACK, milliseconds. */
const CONNECT_MS = 8000;
/** The broker hears from us at least so often, seconds; a connection without answers ends after one and a half of it. */
const KEEPALIVE_SECONDS = 60;

export interface SessionOptions {
  readonly url: string;
  readonly deviceId: string;
  readonly username: string;
  readonly password: string;
  /** Published by the broker, retained on the status topic, when this session ends without a goodbye. */
  readonly will: string;
  message(leaf: DeviceSubscribes, text: string): void;
}

/** The broker does not want us with these credentials. */
export class NotAuthorised extends AgentError {
  constructor(message: string) {
    super(message, 'not-authorised');
  }
}

/** CONNACK return codes of MQTT 3.1.1, section 3.2.2.3. */
const CONNACK: Record<number, string> = {
  1: 'it speaks another version of MQTT',
  2: 'it does not want this client id',
  3: 'it is not available',
  4: 'it does not know these credentials',
  5: 'it does not let this device in',
};

/**
 * One MQTT session from CONNECT to its end, over plain TCP: the tunnel around it is what encrypts and authenticates.
 * Clean: nothing is kept at the broker or queued here. The library's own reconnecting and queueing stay off; what must
 * not get lost is kept by its owner until it is acknowledged.
 */
export class MqttSession {
  /** Resolves with the reason when the session is over. */
  readonly closed: Promise<string>;
  /** When the broker last sent anything, milliseconds of `performance.now()`. */
  heardAtMs = performance.now();
  readonly #client: InstanceType<typeof MqttClient>;
  readonly #deviceId: string;

  private constructor(client: InstanceType<typeof MqttClient>, deviceId: string) {
    this.#client = client;
    this.#deviceId = deviceId;
    client.on('packetreceive', () => {
      this.heardAtMs = performance.now();
    });
    this.closed = new Promise((resolve) => {
      let reason = 'the broker closed the connection';
      client.on('error', (error) => {
        reason = reasonOf(error);
      });
      client.once('close', () => {
        client.end(true);
        resolve(reason);
      });
    });
  }

  /** Connects and subscribes. @throws NotAuthorised, AgentError `unreachable` */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<MqttSession> {
    const { host, port } = addressOf(options.url);
    const client = new MqttClient(
      () =>
        connect({ host, port, noDelay: true }) as unknown as ReturnType<ConstructorParameters<typeof MqttClient>[0]>,
      {
        clientId: options.deviceId,
        username: options.username,
        password: options.password,
        clean: true,
        protocolVersion: 4,
        keepalive: KEEPALIVE_SECONDS,
        connectTimeout: CONNECT_MS,
        reconnectPeriod: 0,
        resubscribe: false,
        queueQoSZero: false,
        // A table of 65,536 buffers, 7 MB, to write numbers a little faster.
        writeCache: false,
        timerVariant: 'native',
        will: {
          topic: deviceTopic(options.deviceId, DEVICE_RETAINS),
          payload: Buffer.from(options.will),
          qos: 1,
          retain: true,
        },
      },
    );
    try {
      await connected(client, signal);
    } catch (error) {
      client.on('error', () => {});
      client.end(true);
      throw explain(options.url, error);
    }
    const session = new MqttSession(client, options.deviceId);
    client.on('message', (topic, payload) => {
      const parsed = parseTopic(topic);
      if (parsed?.deviceId !== options.deviceId) return;
      const leaf = DEVICE_SUBSCRIBES.find((known) => known === parsed.leaf);
      if (leaf !== undefined) options.message(leaf, payload.toString('utf8'));
    });
    try {
      await client.subscribeAsync(
        DEVICE_SUBSCRIBES.map((leaf) => deviceTopic(options.deviceId, leaf)),
        { qos: 1 },
      );
    } catch (error) {
      client.end(true);
      throw explain(options.url, error);
    }
    return session;
  }

  /** Resolves when the broker has it. @throws when the session ends before. */
  async publish(leaf: DevicePublishes, text: string, retain = false): Promise<void> {
    await this.#client.publishAsync(deviceTopic(this.#deviceId, leaf), text, { qos: 1, retain });
  }

  /** Asks the broker for a sign of life; see {@link heardAtMs}. */
  ping(): void {
    this.#client.sendPing();
  }

  /** Says goodbye, so that the broker keeps the will to itself. */
  async end(): Promise<void> {
    await this.#client.endAsync(false).catch(() => {});
  }

  /** Drops the connection without a word: nobody listens at the other end any more. */
  drop(): void {
    this.#client.end(true);
    this.#client.stream?.destroy();
  }
}

function connected(client: InstanceType<typeof MqttClient>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('given up for a fresh attempt'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('no answer')));
  });
}

function addressOf(url: string): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'mqtt:')
    throw new AgentError(`${url}: expected an address such as mqtt://10.77.0.1:1883`, 'unreachable');
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 1883) };
}

function explain(url: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const { code } = error as { code?: unknown };
  if (code === 4 || code === 5) return new NotAuthorised(`${url}: the broker refused us: ${CONNACK[code]}`);
  const said = typeof code === 'number' ? CONNACK[code] : undefined;
  return new AgentError(
    said === undefined ? `${url}: ${reasonOf(error)}` : `${url}: the broker refused us: ${said}`,
    'unreachable',
  );
}
