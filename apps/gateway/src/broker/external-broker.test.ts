import { DEVICE_PUBLISHES, DEVICE_SUBSCRIBES, deviceTopic } from '@corridor/contracts';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createDevice, createVehicle, eventually, revokeDevice, type TestDevice } from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { mosquittoMissing, TestMosquitto } from '../../test/mosquitto.js';
import { once } from '../../test/once.js';
import { MessageBus } from '../bus/message-bus.js';
import { FleetService } from '../fleet/fleet.service.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { BrokerAccess } from './broker-access.js';

if (mosquittoMissing !== undefined) console.warn(`skipped: ${mosquittoMissing}`);

describe.skipIf(mosquittoMissing !== undefined)('an external mosquitto', () => {
  let mosquitto: TestMosquitto;
  /** A gateway with its database, on a machine that is busy. */
  const HOOK_MS = 120_000;

  let gateway: TestGateway;
  let device: TestDevice;
  let other: TestDevice;
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    mosquitto = await TestMosquitto.start();
    gateway = await startGateway({ environment: { MQTT_URL: mosquitto.url } });
    await eventually(() => gateway.get(MessageBus).connected, 10_000);
    device = await createDevice(gateway, await createVehicle(gateway));
    other = await createDevice(gateway, await createVehicle(gateway));
    // The gateway's user gets its role at the first connection, which mosquitto then cuts.
    await eventually(() => granted(device), 10_000);
  }, HOOK_MS);

  const granted = (who: TestDevice) =>
    grant(who).then(
      () => true,
      () => false,
    );

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  });

  async function grant(who: TestDevice) {
    const active = await gateway.get(FleetService).activeDevice(who.deviceId);
    return gateway.get(BrokerAccess).grant(active!);
  }

  /** With credentials as the device would get them. */
  async function connectAs(who: TestDevice, options: IClientOptions = {}): Promise<MqttClient> {
    const { urls, username, password } = await grant(who);
    const own = { clientId: who.deviceId, username, password: password ?? '', keepalive: 30, reconnectPeriod: 0 };
    const client = await mqtt.connectAsync(urls[0]!, { ...own, ...options }, false);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  const bus = () => gateway.get(MessageBus);

  test('a device reaches it through the gateway, and its documents arrive', async () => {
    const { urls, password } = await grant(device);
    expect(urls).toEqual([expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:\d+$/)]);
    expect(urls[0]).not.toContain(`:${mosquitto.port}`);
    expect(password).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const requests: number[] = [];
    gateway.get(DomainEvents).on('policy-request', ({ deviceId, request }) => {
      if (deviceId === device.deviceId) requests.push(request.inForce);
    });
    const client = await connectAs(device);
    const request = JSON.stringify({ kind: 'policy-request', v: 1, inForce: 0 });
    await client.publishAsync(deviceTopic(device.deviceId, 'policy/request'), request, { qos: 1 });
    await eventually(() => requests.length === 1);
  });

  test('only with the newest password, and only as itself', async () => {
    const first = await grant(device);
    await connectAs(device);
    const again = (options: IClientOptions) =>
      mqtt.connectAsync(first.urls[0]!, { username: device.deviceId, reconnectPeriod: 0, ...options }, false);
    const { password } = await grant(device);
    await expect(again({ clientId: device.deviceId, password: first.password! })).rejects.toThrow();
    await expect(again({ clientId: other.deviceId, password: password! })).rejects.toThrow();
    await expect(again({ clientId: device.deviceId, username: 'admin', password: password! })).rejects.toThrow();
    await expect(mqtt.connectAsync(first.urls[0]!, { reconnectPeriod: 0 }, false)).rejects.toThrow();
    clients.push(await again({ clientId: device.deviceId, password: password! }));
  });

  test('subscribes to its own topics and to nothing else', async () => {
    const client = await connectAs(device);
    for (const leaf of DEVICE_SUBSCRIBES) {
      const [granted] = await client.subscribeAsync(deviceTopic(device.deviceId, leaf), { qos: 1 });
      expect(granted!.qos).toBe(1);
    }
    const refused = [
      '#',
      '$SYS/#',
      '$CONTROL/#',
      'corridor/v1/+/policy',
      `corridor/v1/${device.deviceId}/#`,
      deviceTopic(other.deviceId, 'policy'),
      deviceTopic(other.deviceId, 'status'),
      deviceTopic(device.deviceId, 'status'),
    ];
    for (const topic of refused) {
      await expect(client.subscribeAsync(topic, { qos: 1 }), topic).rejects.toThrow(/Unspecified error/);
    }
  });

  test('publishes on its own topics; what it publishes elsewhere reaches nobody', async () => {
    const seen: string[] = [];
    const ear = bus();
    const before = new Map(ear.violations.counts);
    const events = gateway.get(DomainEvents);
    events.on('agent-status', ({ deviceId, status }) => seen.push(`${deviceId} ${status.reason}`));
    const document = { kind: 'agent-status', v: 1, state: 'online', session: 1, beat: 1, agentVersion: 'x' };
    const status = (reason: string) => JSON.stringify({ ...document, reason, policyInForce: 0, clock: null });
    const client = await connectAs(device);
    await client.publishAsync(deviceTopic(other.deviceId, 'status'), status('forged'), { qos: 1, retain: true });
    const disable = { commands: [{ command: 'disableClient', username: other.deviceId }] };
    await client.publishAsync('$CONTROL/dynamic-security/v1', JSON.stringify(disable), { qos: 1 });
    await client.publishAsync(deviceTopic(device.deviceId, 'status'), status('honest'), { qos: 1 });
    await eventually(() => seen.includes(`${device.deviceId} honest`));
    expect(seen).toEqual([`${device.deviceId} honest`]);
    expect(ear.violations.counts).toEqual(before);
    await expect(connectAs(other)).resolves.toBeDefined();
    expect(DEVICE_PUBLISHES).toContain('status');
  });

  test('a will for the topic of another device reaches nobody', async () => {
    const seen: string[] = [];
    gateway.get(DomainEvents).on('agent-status', ({ status }) => seen.push(status.reason));
    const will = (who: TestDevice, reason: string) => {
      const rest = { session: 1, beat: 1, reason, agentVersion: 'x', policyInForce: 0, clock: null };
      const payload = Buffer.from(JSON.stringify({ kind: 'agent-status', v: 1, state: 'offline', ...rest }));
      return { will: { topic: deviceTopic(who.deviceId, 'status'), payload, qos: 1 as const, retain: true } };
    };
    (await connectAs(device, will(other, 'forged'))).stream.destroy();
    (await connectAs(other, will(other, 'honest'))).stream.destroy();
    await eventually(() => seen.includes('honest'));
    expect(seen).not.toContain('forged');
  });

  test('gets what is kept for it', async () => {
    await bus().publish(device.deviceId, 'policy', 'kept', { qos: 1, retain: true });
    const client = await connectAs(device);
    const message = once(client, 'message');
    await client.subscribeAsync(deviceTopic(device.deviceId, 'policy'), { qos: 1 });
    expect(String((await message)[1])).toBe('kept');
  });

  test('its will tells that it is gone, its status that it is there', async () => {
    const told: string[] = [];
    const device = await createDevice(gateway, await createVehicle(gateway));
    const events = gateway.get(DomainEvents);
    const mine = (word: string) => (event: { deviceId: string }) =>
      event.deviceId === device.deviceId && told.push(word);
    events.on('device-connected', mine('connected'));
    events.on('device-disconnected', mine('disconnected'));
    const topic = deviceTopic(device.deviceId, 'status');
    const status = (state: string) => {
      const rest = { session: 1, beat: 1, reason: 'test', agentVersion: 'x', policyInForce: 0, clock: null };
      return JSON.stringify({ kind: 'agent-status', v: 1, state, ...rest });
    };
    const will = { topic, payload: Buffer.from(status('offline')), qos: 1 as const, retain: true };
    const client = await connectAs(device, { will });
    await client.publishAsync(topic, status('online'), { qos: 1, retain: true });
    await client.publishAsync(topic, status('online'), { qos: 1, retain: true });
    client.stream.destroy();
    await eventually(() => told.includes('disconnected'));
    expect(told).toEqual(['connected', 'disconnected']);
  });

  test('a revoked device is cut at once and stays out', async () => {
    const revoked = await createDevice(gateway, await createVehicle(gateway));
    const { urls, password } = await grant(revoked);
    const client = await connectAs(revoked);
    const closed = once(client, 'close');
    await revokeDevice(gateway, revoked);
    await closed;
    const again = { clientId: revoked.deviceId, username: revoked.deviceId, password: password!, reconnectPeriod: 0 };
    await expect(mqtt.connectAsync(urls[0]!, again, false)).rejects.toThrow();
  });

  test('goes away and comes back: the gateway goes on, and a device revoked meanwhile stays out', async () => {
    const revoked = await createDevice(gateway, await createVehicle(gateway));
    const { urls } = await grant(revoked);
    await mosquitto.stop();
    await eventually(() => !bus().connected);
    await expect(bus().publish(device.deviceId, 'command', 'x', { qos: 1, retain: false })).rejects.toThrow(
      /no connection/,
    );
    await expect(grant(device)).rejects.toMatchObject({ code: 'broker-offline' });
    await revokeDevice(gateway, revoked);
    await mosquitto.run();
    await eventually(() => bus().connected, 20_000);
    await eventually(() => granted(device), 20_000);
    const again = { clientId: revoked.deviceId, username: revoked.deviceId, password: 'any', reconnectPeriod: 0 };
    await expect(mqtt.connectAsync(urls[0]!, again, false)).rejects.toThrow();
  });
});
