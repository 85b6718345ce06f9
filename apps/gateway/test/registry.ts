import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLE_PERMISSIONS } from '@corridor/contracts';
import type { MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import type { OperatorActor } from '../src/auth/actor.js';
import { BrokerAccess, type MqttGrant } from '../src/broker/broker-access.js';
import { BrokerLifecycle } from '../src/broker/broker-lifecycle.js';
import { GatewayConfig } from '../src/config/gateway-config.js';
import { ActiveDevices } from '../src/fleet/active-devices.js';
import { DeviceAnnouncements } from '../src/fleet/device-announcements.js';
import { DevicesService } from '../src/fleet/devices.service.js';
import { FleetService } from '../src/fleet/fleet.service.js';
import { FleetOverlay } from '../src/fleet/fleet-overlay.js';
import { GroupsService } from '../src/fleet/groups.service.js';
import { VehiclesService } from '../src/fleet/vehicles.service.js';
import { Clock } from '../src/kernel/clock.js';
import { type DomainEventMap, DomainEvents } from '../src/kernel/domain-events.js';
import { newId } from '../src/kernel/ids.js';
import { KeyRing } from '../src/kernel/key-ring.js';
import { Challenges } from '../src/provisioning/challenges.js';
import { ClaimsService } from '../src/provisioning/claims.service.js';
import { CredentialsService } from '../src/provisioning/credentials.service.js';
import { DeviceAccessService } from '../src/provisioning/device-access.service.js';
import { DeviceLifecycleService } from '../src/provisioning/device-lifecycle.service.js';
import { DeviceTokens } from '../src/provisioning/device-tokens.js';
import { EnrolmentService } from '../src/provisioning/enrolment.service.js';
import { ClaimRepository } from '../src/store/claim-repository.js';
import { DeviceKeyRepository } from '../src/store/device-key-repository.js';
import { FleetChanges } from '../src/store/fleet-changes.js';
import { FleetRepository } from '../src/store/fleet-repository.js';
import { GroupRepository } from '../src/store/group-repository.js';
import { ProvisioningRepository } from '../src/store/provisioning-repository.js';
import { isUnavailable } from '../src/store/unavailable.js';
import { DeviceDirectory } from '../src/telemetry/device-directory.js';
import { StatusService } from '../src/telemetry/status.service.js';
import { TunnelService } from '../src/tunnel/tunnel.service.js';
import { TunnelEngine } from '../src/tunnel/tunnel-engine.js';
import { freshDatabase, type TestDatabase } from './postgres.js';

/** Goes when it is told to. */
export class TestClock extends Clock {
  #aheadMs = 0;

  advance(ms: number): void {
    this.#aheadMs += ms;
  }

  override nowMs(): number {
    return super.nowMs() + this.#aheadMs;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#aheadMs;
  }
}

/** Lets everybody in by token, and remembers whom it was told to shut out. */
export class RecordingBroker extends BrokerAccess {
  override readonly tellsPresence = true;
  override readonly refusals = new Map<string, number>();
  readonly revoked: string[] = [];
  /** Called while a device is being let in. */
  onGrant: (deviceId: string) => Promise<void> = async () => {};

  override async open(): Promise<void> {}
  override async close(): Promise<void> {}

  override async grant(device: { deviceId: string }): Promise<MqttGrant> {
    await this.onGrant(device.deviceId);
    return { urls: ['mqtt://10.77.0.1:1883'], username: device.deviceId, password: null };
  }

  override async revoke(deviceId: string): Promise<void> {
    this.revoked.push(deviceId);
  }

  override connectBus(): MqttClient {
    throw new Error('nobody connects here');
  }
}

export type Told = { [K in keyof DomainEventMap]: { name: K; event: DomainEventMap[K] } }[keyof DomainEventMap];

const TOLD = ['device-active', 'device-revoked', 'vehicle-changed', 'vehicle-removed', 'group-changed'] as const;

/**
 * The registry and provisioning on a real database, without HTTP, tunnel and broker: what they say is in `told` (in the
 * order of the events) and in `broker`.
 */
export async function testRegistry(environment: Record<string, string> = {}) {
  const database = await freshDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'corridor-registry-'));
  const config = new GatewayConfig({
    CORRIDOR_DATA: folder,
    CORRIDOR_PUBLIC_URL: 'https://gateway.example:8443',
    ...environment,
  });
  const keys = await KeyRing.open(config);
  const gateway = assemble(database, config, keys);
  await gateway.active.onModuleInit();
  onTestFinished(async () => {
    gateway.active.onModuleDestroy();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { ...gateway, actor: await makeOrganisation(database, 'Rescue'), database };
}

export type TestRegistry = Awaited<ReturnType<typeof testRegistry>>;

/** A second process on the same database and with the same keys, as after a restart. */
export function assemble(database: TestDatabase, config: GatewayConfig, keys: KeyRing) {
  const { store } = database;
  const events = new DomainEvents();
  const told: Told[] = [];
  for (const name of TOLD) events.on(name, (event) => told.push({ name, event } as Told));
  const clock = new TestClock();
  const broker = new RecordingBroker();
  new BrokerLifecycle(broker, events);
  const overlay = new FleetOverlay(config);
  const fleetRepository = new FleetRepository(store);
  const groupRepository = new GroupRepository(store);
  const provisioningRepository = new ProvisioningRepository(store);
  const announcements = new DeviceAnnouncements(fleetRepository, overlay, events);
  const active = new ActiveDevices(fleetRepository, overlay, announcements, events);
  const fleet = new FleetService(
    fleetRepository,
    active,
    overlay,
    new StatusService(events, new DeviceDirectory(events), clock),
  );
  const tokens = new DeviceTokens(keys, fleet, events);
  const tunnel = new TunnelService(config, keys, new TunnelEngine(config, keys, events, clock), fleet, overlay, events);
  const credentials = new CredentialsService(config, keys, tokens, announcements, overlay, tunnel, broker, clock);
  const challenges = new Challenges(clock);
  const access = new DeviceAccessService(
    new DeviceKeyRepository(store),
    challenges,
    credentials,
    announcements,
    events,
    clock,
  );
  return {
    config,
    keys,
    events,
    told,
    clock,
    broker,
    active,
    announcements,
    fleet,
    tokens,
    access,
    groups: new GroupsService(groupRepository, events),
    vehicles: new VehiclesService(fleet, new FleetChanges(store), announcements, overlay, events, clock),
    devices: new DevicesService(fleetRepository),
    claims: new ClaimsService(config, keys, fleet, new ClaimRepository(store), clock),
    enrolment: new EnrolmentService(provisioningRepository, announcements, access, events, clock),
    lifecycle: new DeviceLifecycleService(provisioningRepository, announcements, events, clock),
  };
}

/** An organisation with an administrator, who is answered. */
export async function makeOrganisation(database: TestDatabase, name: string): Promise<OperatorActor> {
  const { id } = await database.store.client.organisation.create({ data: { name } });
  return {
    kind: 'operator',
    operatorId: newId(),
    username: 'alex',
    organisationId: id,
    role: 'admin',
    permissions: new Set(ROLE_PERMISSIONS.admin),
    credential: { kind: 'session', id: '00' },
  };
}

/** As a client does that is told 503: a slow machine may have no connection for all of them at once. */
export async function untilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }
}
