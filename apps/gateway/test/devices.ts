import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  type DevicePublishes,
  type DeviceSubscribes,
  deviceTopic,
  EffectivePolicy,
  type PolicyAck,
  readDocument,
} from '@corridor/contracts';
import { compactVerify, importJWK } from 'jose';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { BrokerAccess } from '../src/broker/broker-access.js';
import { FleetService } from '../src/fleet/fleet.service.js';
import { DomainEvents } from '../src/kernel/domain-events.js';
import { newId } from '../src/kernel/ids.js';
import { KeyRing } from '../src/kernel/key-ring.js';
import { DeviceTokens } from '../src/provisioning/device-tokens.js';
import type { TestGateway } from './gateway.js';
import { once } from './once.js';

export { eventually } from './eventually.js';

/** A device of a test: a row, a token and a way to the broker; what it says over MQTT is up to the test. */
export interface TestDevice {
  readonly deviceId: string;
  readonly vehicleId: string;
  readonly token: string;
}

let vehicles = 0;

export async function createVehicle(gateway: TestGateway, groupId: string | null = null): Promise<string> {
  vehicles += 1;
  const answer = await gateway.admin.post('/api/v1/vehicles', { name: `RTW ${vehicles}`, groupId });
  if (answer.status !== 201) throw new Error(`no vehicle: ${answer.text}`);
  return answer.body.id;
}

/** An active device, as enrolment and approval would have left it. */
export async function createDevice(
  gateway: TestGateway,
  vehicleId: string,
  options: { readonly tokenSeconds?: number } = {},
): Promise<TestDevice> {
  const deviceId = newId();
  const tunnelPublicKey = randomBytes(32).toString('base64');
  const identity = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  await gateway.database.store.client.device.create({
    data: {
      id: deviceId,
      vehicleId,
      state: 'active',
      hostname: 'pi',
      model: 'test',
      agentVersion: '0.1.0',
      identityKey: identity.x!,
      tunnelPublicKey,
    },
  });
  const { name } = await gateway.get(FleetService).vehicle(vehicleId);
  const active = { deviceId, vehicleId, vehicleName: name, tunnelPublicKeys: [tunnelPublicKey], prefixes: [] };
  gateway.get(DomainEvents).emit('device-active', active);
  const token = await gateway.get(DeviceTokens).sign({ deviceId, vehicleId }, options.tokenSeconds ?? 900);
  return { deviceId, vehicleId, token };
}

/** What the REST route does after its commit. */
export async function revokeDevice(gateway: TestGateway, { deviceId, vehicleId }: TestDevice): Promise<void> {
  await gateway.database.store.client.device.update({ where: { id: deviceId }, data: { state: 'revoked' } });
  gateway.get(DomainEvents).emit('device-revoked', { deviceId, vehicleId, reason: 'test' });
}

/** Where devices reach the broker. */
export async function brokerUrl(gateway: TestGateway): Promise<string> {
  const active = { deviceId: newId(), vehicleId: newId(), vehicleName: '', tunnelPublicKeys: [], prefixes: [] };
  return (await gateway.get(BrokerAccess).grant(active)).urls[0]!;
}

/** Options of a well-behaved device. */
export function deviceOptions({ deviceId, token }: TestDevice): IClientOptions {
  return { clientId: deviceId, username: deviceId, password: token, keepalive: 30, clean: true, reconnectPeriod: 0 };
}

/** A connected client. @throws as MQTT.js does when the broker refuses it */
export function connectDevice(url: string, device: TestDevice, options: IClientOptions = {}): Promise<MqttClient> {
  return mqtt.connectAsync(url, { ...deviceOptions(device), ...options }, false);
}

/** A vehicle that follows what it is told, as the agent does, over a real MQTT connection. */
export class TestVehicle {
  inForce = 0;
  readonly received: EffectivePolicy[] = [];
  /** What to answer instead of received and applied. */
  answer: ((policy: EffectivePolicy) => Pick<PolicyAck, 'outcome' | 'refusal' | 'reason'>) | undefined;
  #client: MqttClient | undefined;

  constructor(
    private readonly gateway: TestGateway,
    readonly device: TestDevice,
  ) {}

  async connect(): Promise<void> {
    const client = await connectDevice(await brokerUrl(this.gateway), this.device);
    this.#client = client;
    client.on('message', (topic, payload) => {
      this.#take(topic, payload.toString('utf8')).catch((error) => {
        // What is in the middle of its answer when the connection goes does not arrive; all else is a mistake.
        if (this.#client === client) throw error;
      });
    });
    await client.subscribeAsync([this.topic('policy'), this.topic('command')], { qos: 1 });
    await this.publish('policy/request', { kind: 'policy-request', v: 1, inForce: this.inForce });
  }

  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync(true);
  }

  topic(leaf: DevicePublishes | DeviceSubscribes): string {
    return deviceTopic(this.device.deviceId, leaf);
  }

  async publish(leaf: DevicePublishes, document: unknown): Promise<void> {
    await this.#client?.publishAsync(this.topic(leaf), JSON.stringify(document), { qos: 1 });
  }

  async acknowledge(ack: Partial<PolicyAck> & Pick<PolicyAck, 'version' | 'outcome'>): Promise<void> {
    await this.publish('policy/ack', { kind: 'policy-ack', v: 1, reason: '', inForce: this.inForce, ...ack });
  }

  async closed(): Promise<void> {
    if (this.#client?.connected) await once(this.#client, 'close');
  }

  async #take(topic: string, text: string): Promise<void> {
    if (topic !== this.topic('policy')) return;
    const [key] = this.gateway.get(KeyRing).policyKeys();
    const { payload } = await compactVerify(text, await importJWK({ ...key! }, 'EdDSA'));
    const read = readDocument(EffectivePolicy, Buffer.from(payload).toString('utf8'));
    if (!read.ok) throw new Error(read.reason);
    const policy = read.value;
    this.received.push(policy);
    if (policy.version <= this.inForce) return;
    await this.acknowledge({ version: policy.version, outcome: 'received' });
    const other = this.answer?.(policy);
    if (other === undefined) this.inForce = policy.version;
    await this.acknowledge({ version: policy.version, outcome: 'applied', ...other });
  }
}
