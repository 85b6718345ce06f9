import { connect } from 'node:net';
import { DEVICE_PUBLISHES, DEVICE_SUBSCRIBES, deviceTopic } from '@corridor/contracts';
import { generateKeyPair, SignJWT } from 'jose';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  brokerUrl,
  connectDevice,
  createDevice,
  createVehicle,
  deviceOptions,
  eventually,
  revokeDevice,
  type TestDevice,
} from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { once } from '../../test/once.js';
import { MessageBus } from '../bus/message-bus.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { KeyRing } from '../kernel/key-ring.js';
import { DEVICE_AUDIENCE } from '../provisioning/device-tokens.js';
import { BrokerAccess } from './broker-access.js';
import { type EmbeddedBroker, TOKEN_GRACE_MS } from './embedded-broker.js';

/** A gateway with its database, on a machine that is busy. */
const HOOK_MS = 120_000;

let gateway: TestGateway;
let url: string;
let device: TestDevice;
let other: TestDevice;
const clients: MqttClient[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  await eventually(() => gateway.get(MessageBus).connected);
  url = await brokerUrl(gateway);
  device = await createDevice(gateway, await createVehicle(gateway));
  other = await createDevice(gateway, await createVehicle(gateway));
}, HOOK_MS);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
});

async function connectAs(who: TestDevice, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectDevice(url, who, options);
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** The code with which the broker refuses a connection. */
async function refusal(who: TestDevice, options: IClientOptions): Promise<number> {
  const error = await connectAs(who, options).then(
    () => undefined,
    (reason: { code?: number }) => reason,
  );
  return error?.code ?? 0;
}

/** Whether the broker ends the connection because of it. */
async function endsAfter(client: MqttClient, act: () => void): Promise<boolean> {
  const ended = new Promise<boolean>((resolve) => client.once('close', () => resolve(true)));
  act();
  // Whatever the broker answers to a ping, it has judged by then what came before.
  const judged = new Promise<boolean>((resolve) => {
    client.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve(false));
    client.sendPing();
  });
  return Promise.race([ended, judged]);
}

const broker = () => gateway.get(BrokerAccess) as EmbeddedBroker;
const counted = (kind: string) => broker().refusals.get(kind) ?? 0;
const heard = (topic: string) => {
  const payloads: string[] = [];
  // The gateway hears what devices publish on their topics; nobody hears anything else.
  gateway.get(DomainEvents).on('agent-status', ({ deviceId, status }) => {
    if (deviceTopic(deviceId, 'status') === topic) payloads.push(status.reason);
  });
  return payloads;
};

describe('who may connect', () => {
  test('a device with its token, as itself', async () => {
    await expect(connectAs(device)).resolves.toBeDefined();
  });

  test('nobody else', async () => {
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const claims = (audience: string) =>
      new SignJWT({ sub: device.deviceId }).setIssuer('corridor-gateway').setAudience(audience).setIssuedAt();
    const foreign = await claims(DEVICE_AUDIENCE)
      .setExpirationTime('15m')
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
      .sign(privateKey);
    const symmetric = await claims(DEVICE_AUDIENCE)
      .setExpirationTime('15m')
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(Buffer.from(JSON.stringify(gateway.get(KeyRing).policyKeys()[0])));
    const keys = gateway.get(KeyRing);
    const audience = await keys.signToken({ sub: device.deviceId }, { audience: 'operators', expiresInSeconds: 900 });
    const expired = await keys.signToken({ sub: device.deviceId }, { audience: DEVICE_AUDIENCE, expiresInSeconds: -1 });
    for (const password of [foreign, symmetric, audience, expired, 'x.y.z', '']) {
      expect(await refusal(device, { password }), password).toBe(4);
    }
    const { password: _, ...withoutPassword } = deviceOptions(device);
    await expect(mqtt.connectAsync(url, withoutPassword, false)).rejects.toMatchObject({ code: 4 });
  });

  test('a device only under its own client id and user name', async () => {
    expect(await refusal(device, { clientId: other.deviceId })).toBe(2);
    expect(await refusal(device, { clientId: 'gateway' })).toBe(2);
    expect(await refusal(device, { username: other.deviceId })).toBe(5);
    expect(await refusal(device, { username: 'gateway' })).toBe(5);
  });

  test('nobody as the gateway, whose password no socket is asked for', async () => {
    expect(await refusal(device, { clientId: 'gateway', username: 'gateway', password: 'gateway' })).toBe(4);
  });

  test('a connection without keep-alive, or with one of hours, is refused', async () => {
    expect(await refusal(device, { keepalive: 0 })).toBe(5);
    expect(await refusal(device, { keepalive: 7_200 })).toBe(5);
  });
});

describe('what a device may publish', () => {
  test.each(DEVICE_PUBLISHES)('its own %s', async (leaf) => {
    const client = await connectAs(device);
    await client.publishAsync(deviceTopic(device.deviceId, leaf), '{}', { qos: 1 });
    expect(await endsAfter(client, () => undefined)).toBe(false);
  });

  const foreign = () => deviceTopic(other.deviceId, 'status');
  test.each([
    ["another device's status", foreign, {}, 'foreign-topic'],
    ["another device's policy", () => deviceTopic(other.deviceId, 'policy'), {}, 'foreign-topic'],
    ['its own policy', () => deviceTopic(device.deviceId, 'policy'), { retain: true }, 'unknown-topic'],
    ['its own commands', () => deviceTopic(device.deviceId, 'command'), {}, 'unknown-topic'],
    ['a topic below its own', () => `${deviceTopic(device.deviceId, 'status')}/more`, {}, 'unknown-topic'],
    ['any other topic', () => 'elsewhere', {}, 'unknown-topic'],
    ['$SYS', () => '$SYS/broker/version', {}, 'system-topic'],
    ['$CONTROL', () => '$CONTROL/dynamic-security/v1', {}, 'system-topic'],
    ['retained telemetry', () => deviceTopic(device.deviceId, 'telemetry'), { retain: true }, 'retain'],
    ['QoS 2', () => deviceTopic(device.deviceId, 'status'), { qos: 2 as const }, 'qos'],
  ])('not %s', async (_, topic, options, kind) => {
    const before = counted(kind);
    const client = await connectAs(device);
    const ended = await endsAfter(client, () => client.publish(topic(), 'x', { qos: 1, ...options }, () => undefined));
    expect(ended).toBe(true);
    expect(counted(kind)).toBe(before + 1);
  });

  test.each(['corridor/v1/+/status', 'corridor/v1/#', '#', '+'])('not the wildcard %s', async (topic) => {
    const client = await connectAs(device);
    // MQTT.js refuses to send it, a hostile client does not.
    expect(await endsAfter(client, () => client.stream.write(rawPublish(topic)))).toBe(true);
  });

  test('a refused message reaches nobody and is kept for nobody', async () => {
    const statuses = heard(foreign());
    const client = await connectAs(device);
    const status = { kind: 'agent-status', v: 1, state: 'online', session: 1, beat: 1, reason: 'forged' };
    const forged = JSON.stringify({ ...status, agentVersion: 'x', policyInForce: 0, clock: null });
    await endsAfter(client, () => client.publish(foreign(), forged, { qos: 1, retain: true }, () => undefined));
    const honest = await connectAs(other);
    await honest.publishAsync(foreign(), forged.replace('forged', 'honest'), { qos: 1 });
    await eventually(() => statuses.length > 0);
    expect(statuses).toEqual(['honest']);
  });
});

describe('what a device may subscribe to', () => {
  test.each(DEVICE_SUBSCRIBES)('its own %s', async (leaf) => {
    const client = await connectAs(device);
    const [granted] = await client.subscribeAsync(deviceTopic(device.deviceId, leaf), { qos: 1 });
    expect(granted).toMatchObject({ qos: 1 });
  });

  test.each([
    ['#', () => '#'],
    ['+/v1/#', () => '+/v1/#'],
    ['everything below its own id', () => `corridor/v1/${device.deviceId}/#`],
    ['a wildcard for its own topics', () => `corridor/v1/${device.deviceId}/+`],
    ['policies of all devices', () => 'corridor/v1/+/policy'],
    ["another device's policy", () => deviceTopic(other.deviceId, 'policy')],
    ["another device's status", () => deviceTopic(other.deviceId, 'status')],
    ['its own status', () => deviceTopic(device.deviceId, 'status')],
    ['$SYS/#', () => '$SYS/#'],
    ['a shared subscription', () => `$share/group/${deviceTopic(device.deviceId, 'policy')}`],
  ])('not %s', async (_, topic) => {
    const client = await connectAs(device);
    await expect(client.subscribeAsync(topic(), { qos: 1 })).rejects.toThrow(/Unspecified error/);
  });

  test('not with QoS 2', async () => {
    const client = await connectAs(device);
    const topic = deviceTopic(device.deviceId, 'policy');
    await expect(client.subscribeAsync(topic, { qos: 2 })).rejects.toThrow(/Unspecified error/);
  });

  test('it gets what is kept for it, and nothing that is kept for others', async () => {
    const bus = gateway.get(MessageBus);
    await bus.publish(device.deviceId, 'policy', 'mine', { qos: 1, retain: true });
    await bus.publish(other.deviceId, 'policy', 'theirs', { qos: 1, retain: true });
    const client = await connectAs(device);
    const got: string[] = [];
    client.on('message', (_, payload) => got.push(payload.toString()));
    await client.subscribeAsync(deviceTopic(device.deviceId, 'policy'), { qos: 1 });
    await client.subscribeAsync(deviceTopic(other.deviceId, 'policy'), { qos: 1 }).catch(() => undefined);
    await eventually(() => got.length > 0);
    await bus.publish(other.deviceId, 'policy', 'theirs too', { qos: 1, retain: false });
    await bus.publish(device.deviceId, 'command', 'not subscribed', { qos: 1, retain: false });
    await bus.publish(device.deviceId, 'policy', 'mine too', { qos: 1, retain: false });
    await eventually(() => got.includes('mine too'));
    expect(got).toEqual(['mine', 'mine too']);
  });
});

describe('the will of a device', () => {
  const will = (topic: string, rest: Partial<NonNullable<IClientOptions['will']>> = {}) => ({
    will: { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true, ...rest },
  });

  test('goes to its own status, retained, and nowhere else', async () => {
    const status = deviceTopic(device.deviceId, 'status');
    await expect(connectAs(device, will(status))).resolves.toBeDefined();
    expect(await refusal(device, will(deviceTopic(other.deviceId, 'status')))).toBe(5);
    expect(await refusal(device, will(deviceTopic(device.deviceId, 'telemetry')))).toBe(5);
    expect(await refusal(device, will('$SYS/will'))).toBe(5);
    expect(await refusal(device, will('#'))).toBe(5);
    expect(await refusal(device, will(status, { retain: false }))).toBe(5);
    expect(await refusal(device, will(status, { qos: 2 }))).toBe(5);
  });

  test('is published when the connection is torn down', async () => {
    const status = { kind: 'agent-status', v: 1, state: 'offline', session: 1, beat: 1, reason: 'will' };
    const payload = Buffer.from(JSON.stringify({ ...status, agentVersion: 'x', policyInForce: 0, clock: null }));
    const topic = deviceTopic(other.deviceId, 'status');
    const statuses = heard(topic);
    const client = await connectAs(other, will(topic, { payload }));
    client.stream.destroy();
    await eventually(() => statuses.includes('will'));
  });
});

describe('sessions', () => {
  test('a newer connection of a device replaces the older, and the device stays connected', async () => {
    const told: string[] = [];
    const { deviceId } = device;
    const events = gateway.get(DomainEvents);
    const ends = [
      events.on('device-connected', (event) => event.deviceId === deviceId && told.push('connected')),
      events.on('device-disconnected', (event) => event.deviceId === deviceId && told.push(event.reason)),
    ];
    const older = await connectAs(device);
    const closed = once(older, 'close');
    const newer = await connectAs(device);
    await closed;
    expect(newer.connected).toBe(true);
    await newer.endAsync();
    await eventually(() => told.includes('the MQTT connection ended'));
    expect(told).toEqual(['connected', 'connected', 'the MQTT connection ended']);
    for (const end of ends) end();
  });

  test('a revoked device is cut at once and stays out, and leaves nothing behind', async () => {
    const revoked = await createDevice(gateway, await createVehicle(gateway));
    const client = await connectAs(revoked);
    await client.subscribeAsync(deviceTopic(revoked.deviceId, 'policy'), { qos: 1 });
    const closed = once(client, 'close');
    await revokeDevice(gateway, revoked);
    await closed;
    expect(await refusal(revoked, {})).toBe(4);
  });

  test('a session ends a while after its token', async () => {
    const clock = gateway.get(Clock);
    const honest = clock.nowMs.bind(clock);
    // As if the token had been used just before the grace of it was over.
    clock.nowMs = () => honest() + 900_000 + TOKEN_GRACE_MS - 300;
    try {
      const client = await connectAs(other);
      await once(client, 'close');
      expect(counted('token-outlived')).toBe(1);
    } finally {
      clock.nowMs = honest;
    }
  });

  test('no session outlives its connection, whatever the device asks for', async () => {
    const client = await connectAs(device, { clean: false });
    await client.subscribeAsync(deviceTopic(device.deviceId, 'command'), { qos: 1 });
    await client.endAsync();
    await gateway.get(MessageBus).publish(device.deviceId, 'command', 'while away', { qos: 1, retain: false });
    const again = mqtt.connect(url, { ...deviceOptions(device), clean: false });
    clients.push(again);
    const got: string[] = [];
    again.on('message', (_, payload) => got.push(payload.toString()));
    await once(again, 'connect');
    expect(await endsAfter(again, () => undefined)).toBe(false);
    expect(got).toEqual([]);
  });
});

describe('limits', () => {
  test('a first packet that claims megabytes is cut before it is kept', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    // CONNECT with a remaining length of 64 MiB.
    socket.write(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x20]));
    await once(socket, 'close');
  });

  test('a packet of more than a megabyte ends the session; one of 300 KiB does not', async () => {
    const client = await connectAs(device);
    const topic = deviceTopic(device.deviceId, 'telemetry');
    await client.publishAsync(topic, 'x'.repeat(300 * 1024), { qos: 1 });
    expect(client.connected).toBe(true);
    const big = () => client.publish(topic, 'x'.repeat(1_100_000), { qos: 1 }, () => undefined);
    expect(await endsAfter(client, big)).toBe(true);
  });

  test('topics of a hundred levels are refused', async () => {
    const client = await connectAs(device);
    const deep = `corridor/${'a/'.repeat(100)}`;
    expect(await endsAfter(client, () => client.publish(deep, 'x', { qos: 0 }))).toBe(true);
  });

  test('each kind of violation is logged once per device, and counted each time', () => {
    const lines = gateway.log.filter((line) => line.includes(': foreign-topic by') && line.includes(device.deviceId));
    expect(counted('foreign-topic')).toBeGreaterThan(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(device.token);
  });
});

function rawPublish(topic: string): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from('x')]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
