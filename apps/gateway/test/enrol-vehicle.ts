import { DomainEvents } from '../src/kernel/domain-events.js';
import type { TestGateway } from './gateway.js';
import { TestPi } from './test-pi.js';

let vehicles = 0;

/** A vehicle with an active device, made through REST as the console and a Pi make them. */
export async function enrolVehicle(gateway: TestGateway): Promise<{ deviceId: string; vehicleId: string }> {
  vehicles += 1;
  const active = new Promise<void>((resolve) => gateway.get(DomainEvents).on('device-active', () => resolve()));
  const vehicle = await gateway.admin.post('/api/v1/vehicles', { name: `Enrolled ${vehicles}` });
  const claim = await gateway.admin.post(`/api/v1/vehicles/${vehicle.body.id}/claims`, {});
  const jws = await (await TestPi.make()).enrolment(claim.body.claim);
  const enrolled = await gateway.anonymous.post('/api/v1/enrolment', { jws });
  if (enrolled.status !== 200) throw new Error(`not enrolled: ${enrolled.text}`);
  await active;
  return { deviceId: enrolled.body.deviceId, vehicleId: vehicle.body.id };
}
