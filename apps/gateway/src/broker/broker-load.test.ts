import { anyDeviceTopic, deviceTopic } from '@corridor/contracts';
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../test/eventually.js';
import { once } from '../../test/once.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { EmbeddedBroker } from './embedded-broker.js';

const CONFIG = {
  mqttListen: { host: '127.0.0.1', port: 0 },
  overlay: '10.77.0.0/16',
  publicUrl: 'https://gateway.test:8443',
  tunnel: false,
};
const BUS = { keepalive: 15, reconnectPeriod: 0, clean: true, protocolVersion: 4 } as const;

let broker: EmbeddedBroker;
const clients: MqttClient[] = [];

beforeEach(async () => {
  // Whoever has a token is the device that it names: what this test is about comes after that.
  const verify = async (token: string) => ({ deviceId: subjectOf(token), vehicleId: newId() });
  broker = new EmbeddedBroker(CONFIG, { verify }, new DomainEvents(), new Clock());
  await broker.open();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  await broker.close();
});

test('what waits for a receiver that goes away is dropped, and the process lives on', async () => {
  const bus = await connected(broker.connectBus(BUS));
  await bus.subscribeAsync(anyDeviceTopic('telemetry'), { qos: 0 });
  // It reads nothing from now on, as a process that is busy.
  bus.stream.unpipe();
  const devices = await Promise.all(Array.from({ length: 12 }, () => connectDevice()));
  for (const { client, deviceId } of devices) {
    client.stream.write(
      Buffer.concat(Array.from({ length: 2_000 }, () => publish(deviceTopic(deviceId, 'telemetry')))),
    );
  }
  await eventually(() => (bus.stream as unknown as { readableLength: number }).readableLength > 10_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  bus.stream.destroy();
  const again = await connected(broker.connectBus(BUS));
  await again.subscribeAsync(anyDeviceTopic('status'), { qos: 1 });
  const message = once(again, 'message');
  const { client, deviceId } = devices[0]!;
  await client.publishAsync(deviceTopic(deviceId, 'status'), 'still here', { qos: 1 });
  expect(String((await message)[1])).toBe('still here');
});

async function connected(client: MqttClient): Promise<MqttClient> {
  client.on('error', () => undefined);
  clients.push(client);
  await once(client, 'connect');
  return client;
}

async function connectDevice(): Promise<{ client: MqttClient; deviceId: string }> {
  const deviceId = newId();
  const options = {
    clientId: deviceId,
    username: deviceId,
    password: tokenOf(deviceId),
    keepalive: 60,
    reconnectPeriod: 0,
  };
  return { client: await connected(mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, options)), deviceId };
}

function tokenOf(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'EdDSA' })}.${part({ sub, exp: Math.floor(Date.now() / 1000) + 900 })}.x`;
}

function subjectOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')).sub;
}

/** PUBLISH with QoS 0 and an empty payload. */
function publish(topic: string): Buffer {
  const name = Buffer.from(topic);
  return Buffer.concat([Buffer.from([0x30, name.length + 2, 0, name.length]), name]);
}
