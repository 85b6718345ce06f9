import { expect, test } from 'vitest';
import { createDevice, createVehicle, eventually, TestVehicle } from '../../test/devices.js';
import { startGateway } from '../../test/gateway.js';
import { testServer } from '../../test/postgres.js';
import { MessageBus } from '../bus/message-bus.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import { PrismaService } from '../store/prisma.service.js';
import { PolicyService } from './policy.service.js';

test('while the database is away vehicles are heard, and what they said is written when it is back', async () => {
  const { postgres, folder } = await testServer();
  const gateway = await startGateway();
  const policies = gateway.get(PolicyService);
  const url = (id: string) => `/api/v1/policies/vehicle/${id}`;
  const body = (strategy: string, baseVersion: number) => ({
    layer: { kind: 'policy-layer', v: 1, default: { strategy } },
    baseVersion,
  });
  await eventually(() => gateway.get(MessageBus).connected);
  const vehicleId = await createVehicle(gateway);
  const vehicle = new TestVehicle(gateway, await createDevice(gateway, vehicleId));
  await vehicle.connect();
  await eventually(() => policies.statusOf(vehicleId).state === 'applied');
  expect((await gateway.admin.put(url(vehicleId), body('redundant', 0))).status).toBe(200);
  await eventually(() => policies.statusOf(vehicleId).applied === 2);
  const jws = await policies.currentJws(vehicleId);

  let again: EmbeddedPostgres | undefined;
  try {
    await postgres.stop();
    await eventually(() => !gateway.get(PrismaService).ready, 15_000);
    expect((await gateway.admin.put(url(vehicleId), body('smallest-delay', 1))).status).toBe(503);
    // What is in force, and what the vehicle says of it, is known all the time.
    expect(policies.statusOf(vehicleId)).toMatchObject({ target: 2, applied: 2, state: 'applied' });
    expect(await policies.currentJws(vehicleId)).toBe(jws);
    const reverted = {
      version: 2,
      outcome: 'reverted',
      refusal: 'tunnel-lost',
      reason: 'tunnel lost',
      inForce: 1,
    } as const;
    await vehicle.acknowledge(reverted);
    await eventually(() => policies.statusOf(vehicleId).state === 'reverted', 15_000);
    // A change whose consequence cannot be issued now: nobody waits for it, and it is not forgotten.
    gateway.get(DomainEvents).emit('vehicle-changed', { vehicleId });

    again = await EmbeddedPostgres.start(folder, { unsafe: true });
    await eventually(() => gateway.get(PrismaService).ready, 15_000);
    const stored = async () =>
      gateway.database.store.client.issuedPolicy.findUnique({
        where: { vehicleId_version: { vehicleId, version: 2 } },
      });
    await eventually(async () => (await stored().catch(() => null))?.state === 'reverted', 15_000);
    expect(await stored()).toMatchObject({ reason: 'tunnel lost', inForce: 1 });
    expect((await gateway.admin.put(url(vehicleId), body('smallest-delay', 1))).status).toBe(200);
    await eventually(() => policies.statusOf(vehicleId).applied === 3, 15_000);
    expect(vehicle.inForce).toBe(3);
  } finally {
    await vehicle.disconnect();
    await gateway.close();
    await gateway.database.store.onApplicationShutdown();
    await again?.stop();
  }
}, 120_000);
