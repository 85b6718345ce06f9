import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type TestRegistry, testRegistry, untilAvailable } from '../../test/registry.js';
import { TestPi } from '../../test/test-pi.js';
import { DomainError } from '../kernel/domain-error.js';

type Action =
  | { readonly do: 'claim' | 'archive'; readonly vehicle: number }
  | { readonly do: 'enrol'; readonly claim: number; readonly pi: number }
  | { readonly do: 'revoke claim' | 'approve' | 'revoke'; readonly which: number };

const VEHICLES = 3;
const which = fc.nat(30);
const vehicle = fc.nat(VEHICLES - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), vehicle }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('enrol' as const), claim: which, pi: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('revoke claim' as const, 'revoke' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('approve' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('archive' as const), vehicle }) },
);

/** Three vehicles, one of them in a group that asks for approval, and what was made for them so far. */
class Fleet {
  readonly vehicles: string[] = [];
  readonly claims: { id: string; claim: string }[] = [];
  /** Every enrolment is by a Pi with keys of its own; few of them, so that some come twice. */
  readonly pis: TestPi[] = [];

  static async make(registry: TestRegistry): Promise<Fleet> {
    const fleet = new Fleet();
    const name = crypto.randomUUID();
    const group = await registry.groups.create(registry.actor, { name, description: '', requireApproval: true });
    for (let index = 0; index < VEHICLES; index += 1) {
      const groupId = index === 0 ? group.id : null;
      const request = { name: `${name} ${index}`, groupId, notes: '', networks: [] };
      fleet.vehicles.push((await registry.vehicles.create(registry.actor, request)).id);
    }
    for (let index = 0; index < 4; index += 1) fleet.pis.push(await TestPi.make());
    return fleet;
  }

  devices(registry: TestRegistry) {
    const where = { vehicleId: { in: this.vehicles } };
    return registry.database.store.client.device.findMany({ where, orderBy: { id: 'asc' } });
  }

  async perform(registry: TestRegistry, step: Action): Promise<void> {
    const { actor } = registry;
    if (step.do === 'claim') {
      this.claims.push(await registry.claims.create(actor, this.vehicles[step.vehicle]!, { expiresInSeconds: 3600 }));
    } else if (step.do === 'archive') {
      await registry.vehicles.archive(actor, this.vehicles[step.vehicle]!);
    } else if (step.do === 'enrol' && this.claims.length > 0) {
      const { claim } = this.claims[step.claim % this.claims.length]!;
      await registry.enrolment.enrol(await this.pis[step.pi]!.enrolment(claim));
    } else if (step.do === 'revoke claim' && this.claims.length > 0) {
      await registry.claims.revoke(actor, this.claims[step.which % this.claims.length]!.id);
    } else if (step.do === 'approve' || step.do === 'revoke') {
      const devices = await this.devices(registry);
      if (devices.length === 0) return;
      const { id } = devices[step.which % devices.length]!;
      if (step.do === 'approve') await registry.lifecycle.approve(actor, id);
      else await registry.lifecycle.revoke(actor, id, 'because');
    }
  }
}

it('holds what it promises, whatever operators and Pis do at the same moment', async () => {
  const registry = await testRegistry();
  const together = fc.array(action, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(together, { minLength: 4, maxLength: 9 }), async (rounds) => {
      const fleet = await Fleet.make(registry);
      for (const round of rounds) {
        await Promise.all(
          round.map((step) => untilAvailable(() => fleet.perform(registry, step)).catch(toleratesRefusal)),
        );
      }
      await checkPromises(registry, fleet);
    }),
    { numRuns: 5 },
  );
}, 120_000);

/** Refusals are as good as anything; what nobody foresaw is not. */
function toleratesRefusal(error: unknown): void {
  if (!(error instanceof DomainError)) throw error;
}

async function checkPromises(registry: TestRegistry, fleet: Fleet): Promise<void> {
  const { client } = registry.database.store;
  const devices = await fleet.devices(registry);
  const claims = await client.claim.findMany({ where: { vehicleId: { in: fleet.vehicles } } });
  const vehicles = await client.vehicle.findMany({ where: { id: { in: fleet.vehicles } } });

  // A claim makes one device, and a device comes from one claim.
  const used = claims.filter(({ usedAt }) => usedAt !== null);
  expect(used.map(({ deviceId }) => deviceId).sort()).toEqual(devices.map(({ id }) => id).sort());
  for (const { id, archivedAt } of vehicles) {
    const count = (state: string) =>
      devices.filter((device) => device.vehicleId === id && device.state === state).length;
    expect(count('active')).toBeLessThanOrEqual(archivedAt === null ? 1 : 0);
    expect(count('pending')).toBeLessThanOrEqual(archivedAt === null ? 1 : 0);
    const open = claims.filter(({ vehicleId, usedAt, revokedAt }) => vehicleId === id && !usedAt && !revokedAt);
    if (archivedAt !== null) expect(open).toEqual([]);
  }

  // Memory, and whoever follows the events, know what the database knows.
  const active = devices.filter(({ state }) => state === 'active').map(({ id }) => id);
  const ours = new Set(devices.map(({ id }) => id));
  const known = (await registry.fleet.activeDevices()).map(({ deviceId }) => deviceId);
  expect(known.filter((id) => ours.has(id)).sort()).toEqual(active);
  const followed = new Set<string>();
  for (const { name, event } of registry.told) {
    if (name === 'device-active') followed.add(event.deviceId);
    if (name === 'device-revoked') followed.delete(event.deviceId);
  }
  expect([...followed].filter((id) => ours.has(id)).sort()).toEqual(active);
  const revoked = devices.filter(({ state }) => state === 'revoked').map(({ id }) => id);
  expect(registry.broker.revoked).toEqual(expect.arrayContaining(revoked));
}
