import { randomBytes, randomUUID } from 'node:crypto';
import { DEVICE_PUBLISHES, DEVICE_SUBSCRIBES, deviceTopic, Id, TOPIC_ROOT } from '@corridor/contracts';
import { Logger } from '@nestjs/common';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { FleetService } from '../fleet/fleet.service.js';
import { Backoff } from '../kernel/backoff.js';
import { DomainError } from '../kernel/domain-error.js';
import type { ActiveDevice } from '../kernel/domain-events.js';
import { BrokerAccess, type BusOptions, type MqttGrant } from './broker-access.js';
import { deviceUrl, type ListenConfig } from './device-url.js';
import { type Command, type CommandResult, DynamicSecurity } from './dynamic-security.js';
import { PatientListener } from './patient-listener.js';
import { relay } from './relay.js';

/** Raised with the topics: a role is never changed, as that would cut the sessions of those who have it. */
const GATEWAY_ROLE = 'corridor-gateway-v1';
const deviceRole = (deviceId: string) => `corridor-device-v1-${deviceId}`;

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/**
 * An external mosquitto whose dynamic security plug-in this gateway administers: a user and a role for each device, with
 * the topics of the device and a random password. Mosquitto refuses what the role does not allow; it has no rule for the
 * retain flag and for QoS, so a device can keep messages on its own topics, and on those only.
 */
export class ExternalBroker extends BrokerAccess {
  readonly tellsPresence = false;
  readonly refusals: ReadonlyMap<string, number> = new Map();
  readonly #logger = new Logger('broker');
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  readonly #listener: PatientListener;
  readonly #toRevoke = new Set<string>();
  #client: MqttClient | undefined;
  #security: DynamicSecurity | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = true;
  #told = '';

  constructor(
    private readonly url: string,
    private readonly config: ListenConfig,
    private readonly fleet: Pick<FleetService, 'activeDevices'>,
  ) {
    super();
    const broker = new URL(url);
    this.#listener = new PatientListener(config.mqttListen, (socket) => relay(socket, broker));
  }

  /** Resolves after the first attempt; while the broker is away it is tried again. */
  async open(): Promise<void> {
    this.#closed = false;
    await Promise.all([this.#listener.open(), this.#attempt()]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#security = undefined;
    const client = this.#client;
    this.#client = undefined;
    await Promise.all([this.#listener.close(), client?.endAsync(true)]);
  }

  async grant({ deviceId }: ActiveDevice): Promise<MqttGrant> {
    const password = randomBytes(32).toString('base64url');
    const role = deviceRole(deviceId);
    const [made, created] = await this.#run([
      { command: 'createRole', rolename: role, acls: deviceAcls(deviceId) },
      { command: 'createClient', username: deviceId, clientid: deviceId, password, roles: [{ rolename: role }] },
    ]);
    require(made, 'Role already exists');
    require(created, 'Client already exists');
    if (created?.error !== undefined) {
      const results = await this.#run([
        { command: 'setClientPassword', username: deviceId, password },
        { command: 'enableClient', username: deviceId },
      ]);
      for (const result of results) require(result);
    }
    return { urls: [deviceUrl(this.config, this.#listener.port)], username: deviceId, password };
  }

  async revoke(deviceId: string): Promise<void> {
    this.#toRevoke.add(deviceId);
    try {
      const [result] = await this.#run([{ command: 'disableClient', username: deviceId }]);
      require(result, 'Client not found');
      this.#toRevoke.delete(deviceId);
    } catch (error) {
      this.#logger.warn(
        `device ${deviceId} is shut out as soon as the MQTT broker answers: ${(error as Error).message}`,
      );
    }
  }

  connectBus(options: BusOptions): MqttClient {
    return mqtt.connect(this.url, { ...options, ...this.#identity('bus') });
  }

  #identity(purpose: string): IClientOptions {
    return { clientId: `corridor-gateway-${purpose}-${randomUUID()}` };
  }

  async #attempt(): Promise<void> {
    const client = mqtt.connect(this.url, {
      ...this.#identity('admin'),
      protocolVersion: 4,
      clean: true,
      keepalive: 30,
      connectTimeout: 10_000,
      reconnectPeriod: 0,
      manualConnect: true,
    });
    this.#client = client;
    client.on('error', (error) => this.#tell(error.message));
    client.once('close', () => this.#lost(client));
    const connected = new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true));
      client.once('close', () => resolve(false));
    });
    client.connect();
    if (!(await connected)) return;
    try {
      const security = await DynamicSecurity.over(client);
      await this.#prepare(security);
      this.#security = security;
      this.#backoff.reset();
      this.#told = '';
      this.#logger.log('administering the external MQTT broker');
      await this.#revokeMissed();
    } catch (error) {
      this.#tell((error as Error).message);
      client.end(true);
    }
  }

  #lost(client: MqttClient): void {
    client.end(true);
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#security = undefined;
    if (!this.#closed) this.#timer = setTimeout(() => void this.#attempt(), this.#backoff.next());
  }

  #tell(why: string): void {
    if (this.#closed || this.#told === why) return;
    this.#told = why;
    this.#logger.warn(`the external MQTT broker cannot be administered: ${why}; trying on`);
  }

  /** Nothing is allowed that no role allows; and the gateway may use all topics of devices. */
  async #prepare(security: DynamicSecurity): Promise<void> {
    const username = decodeURIComponent(new URL(this.url).username);
    const denied = ['publishClientSend', 'subscribe'].map((acltype) => ({ acltype, allow: false }));
    const [defaults, role, own] = await security.run([
      { command: 'setDefaultACLAccess', acls: denied },
      { command: 'createRole', rolename: GATEWAY_ROLE, acls: gatewayAcls() },
      { command: 'getClient', username },
    ]);
    require(defaults);
    require(role, 'Role already exists');
    require(own);
    if (rolesOf(own).includes(GATEWAY_ROLE)) return;
    // Mosquitto cuts the connections of a user who gets a role: it may happen before the answer, and only once.
    await security.run([{ command: 'addClientRole', username, rolename: GATEWAY_ROLE }]);
  }

  /** Devices that were revoked while the broker or the gateway was away. */
  async #revokeMissed(): Promise<void> {
    const [listed] = await this.#run([{ command: 'listClients', count: -1, offset: 0 }]);
    require(listed);
    const active = new Set((await this.fleet.activeDevices()).map(({ deviceId }) => deviceId));
    const clients = (listed?.data?.clients ?? []) as string[];
    const gone = clients.filter(
      (name) => Id.safeParse(name).success && (!active.has(name) || this.#toRevoke.has(name)),
    );
    for (const deviceId of gone) await this.revoke(deviceId);
  }

  async #run(commands: readonly Command[]): Promise<CommandResult[]> {
    const security = this.#security;
    if (security === undefined) throw offline();
    try {
      return await security.run(commands);
    } catch {
      throw offline();
    }
  }
}

function deviceAcls(deviceId: string) {
  const allow = (acltype: string, topic: string) => ({ acltype, topic, allow: true, priority: 0 });
  return [
    ...DEVICE_PUBLISHES.map((leaf) => allow('publishClientSend', deviceTopic(deviceId, leaf))),
    ...DEVICE_SUBSCRIBES.flatMap((leaf) => [
      allow('publishClientReceive', deviceTopic(deviceId, leaf)),
      allow('subscribeLiteral', deviceTopic(deviceId, leaf)),
      allow('unsubscribeLiteral', deviceTopic(deviceId, leaf)),
    ]),
  ];
}

function gatewayAcls() {
  return ['publishClientSend', 'publishClientReceive', 'subscribePattern', 'unsubscribePattern'].map((acltype) => ({
    acltype,
    topic: `${TOPIC_ROOT}/#`,
    allow: true,
    priority: 0,
  }));
}

function rolesOf(result: CommandResult | undefined): string[] {
  const client = result?.data?.client as { roles?: { rolename: string }[] } | undefined;
  return (client?.roles ?? []).map(({ rolename }) => rolename);
}

/** @throws Error for any other failure than the one that is none */
function require(result: CommandResult | undefined, harmless?: string): void {
  if (result?.error === undefined || result.error === harmless) return;
  throw new Error(`dynamic security refused ${result.command}: ${result.error}`);
}

function offline(): DomainError {
  return new DomainError('unavailable', 'broker-offline', 'The MQTT broker cannot be reached at the moment.');
}
