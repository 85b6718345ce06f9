import { type AgentStatus, DEVICE_RETAINS, type DeviceSubscribes, deviceTopic, parseTopic } from '@corridor/contracts';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { BrokerAccess, type BusOptions } from '../broker/broker-access.js';
import { Violations } from '../broker/violations.js';
import { FleetService } from '../fleet/fleet.service.js';
import { Backoff } from '../kernel/backoff.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { isDevicePublishes, READERS, SUBSCRIPTIONS } from './device-documents.js';

/** Reconnecting is this class's business alone: MQTT.js has no back-off, and gives up silently at a refused CONNACK. */
const OPTIONS: BusOptions = {
  protocolVersion: 4,
  clean: true,
  keepalive: 15,
  connectTimeout: 10_000,
  reconnectPeriod: 0,
  resubscribe: false,
  // What could not be sent is not news any more when it could.
  queueQoSZero: false,
  manualConnect: true,
};
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15_000;

export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/**
 * The gateway's own MQTT connection: documents of devices come in and become domain events, documents for devices go
 * out. What comes in is believed as far as the broker's ACL goes (the topic names the device) and no further: the device
 * must be active, and the document must be one.
 */
@Injectable()
export class MessageBus implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly violations = new Violations('MQTT document', 'bus');
  readonly #logger = new Logger('bus');
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  /** Devices whose last status said online; only where the broker does not tell. */
  readonly #present = new Set<string>();
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  #ended = true;
  #told = '';

  constructor(
    @Inject(BrokerAccess) private readonly broker: BrokerAccess,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#ended = false;
    this.#attempt();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#lost();
    if (client) await new Promise<void>((resolve) => client.end(false, () => resolve()));
  }

  /** Connected and subscribed. */
  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Resolves when the broker has it (QoS 1), or when it is on its way (QoS 0). Nothing is queued for later.
   * @throws DomainError `broker-offline` when the connection is down, or goes down before the broker confirmed
   */
  publish(deviceId: string, leaf: DeviceSubscribes, payload: string, options: PublishOptions): Promise<void> {
    return this.#publish(deviceTopic(deviceId, leaf), payload, options);
  }

  /** Removes what the broker keeps for and from a device that is no more. @throws DomainError `broker-offline` */
  async forget(deviceId: string): Promise<void> {
    const retained = { qos: 1, retain: true } as const;
    await this.#publish(deviceTopic(deviceId, 'policy'), '', retained);
    await this.#publish(deviceTopic(deviceId, DEVICE_RETAINS), '', retained);
  }

  async #publish(topic: string, payload: string, options: PublishOptions): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#connected) throw offline();
    await new Promise<void>((resolve, reject) =>
      client.publish(topic, payload, options, (error) => (error ? reject(offline()) : resolve())),
    );
  }

  #attempt(): void {
    try {
      const client = this.broker.connectBus(OPTIONS);
      this.#client = client;
      client.on('connect', () => void this.#subscribe(client));
      client.on('message', (topic, payload, packet) => void this.#take(topic, payload, packet));
      client.on('error', (error) => this.#tell(error.message));
      client.once('close', () => this.#closed(client));
      client.connect();
    } catch (error) {
      this.#tell((error as Error).message);
      this.#retry();
    }
  }

  async #subscribe(client: MqttClient): Promise<void> {
    try {
      const granted = await client.subscribeAsync([...SUBSCRIPTIONS], { qos: 1 });
      if (granted.some(({ qos }) => qos === 128)) throw new Error('the broker refuses the topics of devices');
    } catch (error) {
      this.#tell((error as Error).message);
      client.end(true);
      return;
    }
    if (client !== this.#client) return;
    this.#backoff.reset();
    this.#told = '';
    this.#connected = true;
    this.#logger.log('connected to the MQTT broker');
    this.events.emit('bus-state', { connected: true });
  }

  #closed(client: MqttClient): void {
    // With `reconnectPeriod` 0 this also tells those who wait for a confirmation that none will come.
    client.end(true);
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#lost();
    this.#retry();
  }

  #lost(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#present.clear();
    if (!this.#ended) this.#logger.warn('the connection to the MQTT broker is lost');
    this.events.emit('bus-state', { connected: false });
  }

  #retry(): void {
    if (!this.#ended) this.#timer = setTimeout(() => this.#attempt(), this.#backoff.next());
  }

  #tell(why: string): void {
    if (this.#ended || this.#told === why) return;
    this.#told = why;
    this.#logger.warn(`no connection to the MQTT broker: ${why}; trying on`);
  }

  async #take(topic: string, payload: Buffer, packet: IPublishPacket): Promise<void> {
    // Emptied: a retained message was removed.
    if (payload.length === 0) return;
    const receivedAtMs = this.clock.nowMs();
    const parsed = parseTopic(topic);
    if (parsed === undefined || !isDevicePublishes(parsed.leaf)) {
      this.violations.count('the broker', 'unknown-topic');
      return;
    }
    const { deviceId, leaf } = parsed;
    try {
      if ((await this.fleet.activeDevice(deviceId)) === undefined) {
        this.violations.count(deviceId, 'unknown-device');
        return;
      }
      const incoming = { deviceId, text: payload.toString('utf8'), receivedAtMs, retained: packet.retain };
      const read = READERS[leaf](this.events, incoming);
      if (!read.ok) this.violations.count(deviceId, `${leaf}: ${read.code}`, read.reason);
      else if (leaf === 'status' && !this.broker.tellsPresence) this.#presence(deviceId, read.value as AgentStatus);
    } catch (error) {
      this.violations.count(deviceId, `${leaf}: failed`, (error as Error).message);
    }
  }

  /** A broker that does not tell who is connected publishes the will of who is not. */
  #presence(deviceId: string, { state, reason }: AgentStatus): void {
    if (state === 'offline') this.#present.delete(deviceId);
    else if (this.#present.has(deviceId)) return;
    else this.#present.add(deviceId);
    if (state === 'online') this.events.emit('device-connected', { deviceId });
    else this.events.emit('device-disconnected', { deviceId, reason });
  }
}

function offline(): DomainError {
  return new DomainError('unavailable', 'broker-offline', 'The gateway has no connection to the MQTT broker.');
}
