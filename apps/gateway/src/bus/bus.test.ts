import { deviceTopic } from '@corridor/contracts';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  brokerUrl,
  connectDevice,
  createDevice,
  createVehicle,
  eventually,
  type TestDevice,
} from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { BrokerAccess } from '../broker/broker-access.js';
import { FleetService } from '../fleet/fleet.service.js';
import { type DomainEventMap, DomainEvents } from '../kernel/domain-events.js';
import { MessageBus } from './message-bus.js';

/** A gateway with its database, on a machine that is busy. */
const HOOK_MS = 120_000;

let gateway: TestGateway;
let device: TestDevice;
let client: MqttClient;
const clients: MqttClient[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  await eventually(() => gateway.get(MessageBus).connected);
  device = await createDevice(gateway, await createVehicle(gateway));
  client = await connectDevice(await brokerUrl(gateway), device);
}, HOOK_MS);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.endAsync(true)));
});

const bus = () => gateway.get(MessageBus);
const counted = (kind: string) => bus().violations.counts.get(kind) ?? 0;

function collect<K extends keyof DomainEventMap>(name: K): DomainEventMap[K][] {
  const events: DomainEventMap[K][] = [];
  gateway.get(DomainEvents).on(name, (event) => events.push(event));
  return events;
}

const send = (leaf: 'status' | 'telemetry' | 'policy/request' | 'policy/ack', text: string) =>
  client.publishAsync(deviceTopic(device.deviceId, leaf), text, { qos: 1 });

const STATUS = { kind: 'agent-status', v: 1, state: 'online', session: 3, beat: 4, reason: 'connected' };
const REST = { agentVersion: '0.1.0', policyInForce: 0, clock: null };

describe('documents of devices', () => {
  test('become events, each with its device; fields that nobody knows survive', async () => {
    const statuses = collect('agent-status');
    const requests = collect('policy-request');
    const began = Date.now();
    await send('status', JSON.stringify({ ...STATUS, ...REST, later: { x: 1 } }));
    await send('policy/request', JSON.stringify({ kind: 'policy-request', v: 1, inForce: 0 }));
    await eventually(() => requests.length === 1);
    const { deviceId } = device;
    expect(requests[0]).toEqual({ deviceId, request: { kind: 'policy-request', v: 1, inForce: 0 } });
    expect(statuses[0]).toMatchObject({ deviceId, retained: false, status: { session: 3, later: { x: 1 } } });
    expect(statuses[0]!.receivedAtMs).toBeGreaterThanOrEqual(began);
  });

  test.each([
    ['not-json', '{"kind":'],
    ['wrong-kind', JSON.stringify({ kind: 'metric-frame', v: 1 })],
    ['unknown-version', JSON.stringify({ ...STATUS, ...REST, v: 2 })],
    ['invalid', JSON.stringify({ ...STATUS, ...REST, state: 'asleep' })],
  ])('that are %s become none, are counted, and logged once without their content', async (code, text) => {
    const statuses = collect('agent-status');
    const requests = collect('policy-request');
    const before = counted(`status: ${code}`);
    const lines = () =>
      gateway.log.filter((line) => line.includes(`status: ${code}`) && line.includes(device.deviceId));
    await send('status', text);
    await send('status', text);
    await send('policy/request', JSON.stringify({ kind: 'policy-request', v: 1, inForce: 0 }));
    await eventually(() => requests.length === 1);
    expect(statuses).toEqual([]);
    expect(counted(`status: ${code}`)).toBe(before + 2);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).not.toContain('asleep');
  });

  test('of a device that is not active any more are counted and go no further', async () => {
    const stranger = await createDevice(gateway, await createVehicle(gateway));
    const other = await connectDevice(await brokerUrl(gateway), stranger);
    clients.push(other);
    const statuses = collect('agent-status');
    const before = counted('unknown-device');
    // Revoked in the registry, where nobody told the broker yet.
    const fleet = gateway.get(FleetService);
    const known = fleet.activeDevice.bind(fleet);
    fleet.activeDevice = async (deviceId) => (deviceId === stranger.deviceId ? undefined : known(deviceId));
    try {
      const topic = deviceTopic(stranger.deviceId, 'status');
      await other.publishAsync(topic, JSON.stringify({ ...STATUS, ...REST }), { qos: 1 });
      await eventually(() => counted('unknown-device') === before + 1);
    } finally {
      fleet.activeDevice = known;
    }
    expect(statuses).toEqual([]);
  });
});

describe('the connection', () => {
  test('a broker that goes away is told once, nothing is queued, and it comes back by itself', {
    timeout: 40_000,
  }, async () => {
    const states = collect('bus-state');
    const broker = gateway.get(BrokerAccess);
    await broker.close();
    await eventually(() => !bus().connected);
    const publish = () => bus().publish(device.deviceId, 'command', '{}', { qos: 1, retain: false });
    await expect(publish()).rejects.toMatchObject({ kind: 'unavailable', code: 'broker-offline' });
    await broker.open();
    await eventually(() => bus().connected, 20_000);
    expect(states).toEqual([{ connected: false }, { connected: true }]);
    const back = await connectDevice(await brokerUrl(gateway), device);
    clients.push(back);
    const got: string[] = [];
    back.on('message', (_, payload) => got.push(payload.toString()));
    await back.subscribeAsync(deviceTopic(device.deviceId, 'command'), { qos: 1 });
    await bus().publish(device.deviceId, 'command', 'news', { qos: 1, retain: false });
    await eventually(() => got.length > 0);
    expect(got).toEqual(['news']);
  });

  test('a publication that is under way when the broker goes is refused, not lost in silence', async () => {
    const broker = gateway.get(BrokerAccess);
    await eventually(() => bus().connected, 20_000);
    const published = bus().publish(device.deviceId, 'command', 'x'.repeat(100_000), { qos: 1, retain: false });
    const outcome = published.then(
      () => 'confirmed',
      (error) => error.code,
    );
    await broker.close();
    expect(['confirmed', 'broker-offline']).toContain(await outcome);
    await broker.open();
    await eventually(() => bus().connected, 20_000);
  });
});
