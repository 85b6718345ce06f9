import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from './eventually.js';
import { newKeys, TwoMachines } from './two-machines.js';

/**
 * The gateway's tunnel service against a vehicle's tunnel process.
 */
const SCRIPT = fileURLToPath(new URL('./tunnel-service.mjs', import.meta.url));

interface Said {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the service says has many shapes
  readonly event: any;
  readonly atMs: number;
}

const DEVICE = '018f0000-0000-7000-8000-00000000000d';
const VEHICLE = '018f0000-0000-7000-8000-000000000001';

let world: TwoMachines;
let service: Service;

class Service {
  readonly said: Said[] = [];
  readonly process: ChildProcess;
  #errors = '';

  constructor(more: { registryMs?: number } = {}) {
    const folder = join(world.folder, 'gateway-data');
    mkdirSync(folder, { recursive: true });
    const start = {
      privateKey: world.keys.gateway.privateKey,
      vehicleKey: world.keys.vehicle.publicKey,
      folder,
      ...more,
    };
    this.process = world.spawn('gateway', [SCRIPT, JSON.stringify(start)]);
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) this.said.push(JSON.parse(line) as Said);
      else this.#errors += `${line}\n`;
    });
    this.process.stderr!.on('data', (chunk) => {
      this.#errors += String(chunk);
    });
  }

  get log(): string {
    return this.#errors;
  }

  tell(command: object): void {
    this.process.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  emit(name: string, event: object): void {
    this.tell({ emit: [name, event] });
  }

  all(name: string): Said[] {
    return this.said.filter((one) => one.name === name);
  }

  sessions(): string[] {
    return this.all('tunnel-event').flatMap(({ event }) => (event.type === 'session' ? [event.state as string] : []));
  }
}

async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(test, 30_000).catch(() => {
    throw new Error(`waited in vain: ${what}`);
  });
}

beforeEach(async () => {
  world = await TwoMachines.create();
  service = new Service();
  await until(`the service: ${service.log}`, () => service.all('ready').length === 1);
  await world.startVehicle();
  await until('a session', () => service.sessions().includes('established'));
});

afterEach(async () => {
  await world.close();
});

const device = (...keys: string[]) => ({
  deviceId: DEVICE,
  vehicleId: VEHICLE,
  vehicleName: 'RTW 1',
  tunnelPublicKeys: keys,
  prefixes: ['10.77.0.2/32'],
});

describe('the tunnel service', () => {
  test('loses no packet while the main thread is wedged for three seconds', async () => {
    await world.echoAtGateway();
    const traffic = world.echo(1000, 5);
    await until('the first frame', () => service.all('gateway-frame').length > 0);
    service.tell({ block: 3000 });
    const { sent, received } = await traffic;
    expect([sent, received]).toEqual([1000, 1000]);
    const blocked = service.all('blocked')[0]!;
    const during = service.said.filter(({ atMs }) => atMs > blocked.atMs - 2900 && atMs < blocked.atMs);
    expect(during).toEqual([]);
    // What happened meanwhile has the time at which it happened.
    const { event } = service.all('gateway-frame').at(-1)!;
    expect(Math.abs(event.heardAtMs - event.atMs)).toBeLessThan(2000);
    expect(event.frame.tunnel.packetsDelivered).toBeGreaterThan(900);
  });

  test('ends the session of a revoked device at once, and takes it back when it is active again', async () => {
    service.emit('device-revoked', { deviceId: 'another', vehicleId: VEHICLE, reason: 'test' });
    service.emit('device-revoked', { deviceId: DEVICE, vehicleId: VEHICLE, reason: 'test' });
    await until('its end', () => service.sessions().includes('closed'));
    await until('the end in the vehicle', async () => (await world.vehicleSession()) !== 'established');
    expect(service.sessions()).toEqual(['established', 'closed']);
    service.emit('device-active', device(world.keys.vehicle.publicKey));
    await until('another session', () => service.sessions().filter((state) => state === 'established').length === 2);
  });

  test('knows old and new key while a device rotates, and only the new one afterwards', async () => {
    const next = newKeys();
    service.emit('device-active', device(world.keys.vehicle.publicKey, next.publicKey));
    await world.echoAtGateway();
    expect(await world.echo(20, 5)).toMatchObject({ received: 20 });
    expect(service.sessions()).toEqual(['established']);
    service.emit('device-active', device(next.publicKey));
    await until('the end of the old key', () => service.sessions().includes('closed'));
  });

  test('comes back by itself when the engine ends, with every vehicle', async () => {
    world.ip('gateway', 'link del cor0');
    await until('the end', () => service.all('tunnel-state').some(({ event }) => !event.running));
    await until('the start', () => service.all('tunnel-state').at(-1)?.event.running === true);
    await until('the session', () => service.sessions().filter((state) => state === 'established').length === 2);
    await world.echoAtGateway();
    expect(await world.echo(20, 5)).toMatchObject({ received: 20 });
  });

  test('blocks a path at its end and puts it back; an unknown one is refused with the names of those there are', async () => {
    const states = () => {
      const paths = service.all('gateway-frame').at(-1)?.event.frame.paths as { name: string; blocked: boolean }[];
      return Object.fromEntries((paths ?? []).map(({ name, blocked }) => [name, blocked]));
    };
    await until('both paths', () => Object.keys(states()).length === 2);
    service.tell({ linkBlocked: ['w0', true] });
    await until('w0 blocked', () => states().w0 === true);
    service.tell({ linkBlocked: ['w0', false] });
    await until('w0 free', () => states().w0 === false);
    service.tell({ linkBlocked: ['w9', true] });
    await until('refusal', () => service.all('linkBlocked').length === 3);
    expect(service.all('linkBlocked')[2]!.event).toEqual({
      code: 'link-unknown',
      message: 'The gateway has no path "w9": there are w0, w1.',
    });
  });

  test('killed and started while the registry does not answer, it takes the vehicles that it remembers', async () => {
    await until('the note', () => existsSync(join(world.folder, 'gateway-data', 'tunnel-devices.json')));
    service.process.kill('SIGKILL');
    const next = new Service({ registryMs: 600_000 });
    await until(`the engine: ${next.log}`, () => next.all('engine').length === 1);
    await until('the session', () => next.sessions().includes('established'));
    await world.echoAtGateway();
    expect(await world.echo(20, 5)).toMatchObject({ received: 20 });
    expect(next.all('ready')).toEqual([]);
    // A revocation counts at once, and for the start after this one.
    next.emit('device-revoked', { deviceId: DEVICE, vehicleId: VEHICLE, reason: 'stolen' });
    await until('its end', () => next.sessions().includes('closed'));
    next.process.kill('SIGKILL');
    const last = new Service({ registryMs: 600_000 });
    await until(`the engine: ${last.log}`, () => last.all('engine').length === 1);
    // Long enough for the vehicle to call several times.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(last.sessions()).toEqual([]);
  });

  test('says what it needs, and what the machine does not do for it', () => {
    expect(service.all('ready')[0]!.event).toEqual({
      publicKey: 'public',
      endpoints: ['203.0.113.10:4510'],
      overlay4: '10.77.0.1/24',
      overlay6: null,
      routes: ['192.0.2.0/24'],
    });
    expect(service.log).toContain('vehicles cannot reach 192.0.2.0/24: net.ipv4.ip_forward is off here');
  });
});
