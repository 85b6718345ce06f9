import { beforeAll, describe, expect, test } from 'vitest';
import { createDevice, createVehicle, eventually, TestVehicle } from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { PolicyService } from './policy.service.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});

const layer = (strategy: string) => ({ kind: 'policy-layer', v: 1, default: { strategy } });
const put = (scope: string, id: string, body: unknown) => gateway.admin.put(`/api/v1/policies/${scope}/${id}`, body);
const statusOf = (vehicleId: string) => gateway.get(PolicyService).statusOf(vehicleId);

async function newVehicle(groupId: string | null = null): Promise<TestVehicle> {
  const vehicleId = await createVehicle(gateway, groupId);
  const vehicle = new TestVehicle(gateway, await createDevice(gateway, vehicleId));
  await vehicle.connect();
  await eventually(() => statusOf(vehicleId).state === 'applied');
  return vehicle;
}

describe('from REST to the vehicle', () => {
  test('a new device gets the first policy and what is saved later, acknowledged each time', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    expect(statusOf(vehicleId)).toMatchObject({ target: 1, applied: 1, state: 'applied' });
    const saved = await put('vehicle', vehicleId, { layer: layer('redundant'), baseVersion: 0 });
    expect(saved.status, saved.text).toBe(200);
    await eventually(() => vehicle.inForce === 2 && statusOf(vehicleId).applied === 2);
    expect(vehicle.received.at(-1)!.policy.default.strategy).toBe('redundant');
    await vehicle.disconnect();
  });
});
