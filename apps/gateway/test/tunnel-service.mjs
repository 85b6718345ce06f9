/**
 * The gateway's tunnel service alone, in the network namespace that it is started in, with a registry of one vehicle.
 *
 *   node tunnel-service.mjs '{"privateKey","vehicleKey","folder","registryMs"}'
 *
 * Prints what it tells the house as JSON lines; takes JSON lines on standard input:
 *   {"block": ms}          keeps the main thread busy for so long
 *   {"emit": [name, event]}
 *   {"linkBlocked": [path, blocked]}
 */
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { Overlay } from '../dist/fleet/overlay.js';
import { Clock } from '../dist/kernel/clock.js';
import { DomainEvents } from '../dist/kernel/domain-events.js';
import { TunnelService } from '../dist/tunnel/tunnel.service.js';
import { TunnelEngine } from '../dist/tunnel/tunnel-engine.js';

const { privateKey, vehicleKey, folder, registryMs } = JSON.parse(process.argv[2]);
const VEHICLE = '018f0000-0000-7000-8000-000000000001';
const device = {
  deviceId: '018f0000-0000-7000-8000-00000000000d',
  vehicleId: VEHICLE,
  vehicleName: 'RTW 1',
  tunnelPublicKeys: [vehicleKey],
  prefixes: ['10.77.0.2/32'],
};
const config = {
  tunnel: true,
  tunnelListen: ['0.0.0.0:4510'],
  tunnelEndpoints: ['203.0.113.10:4510'],
  tun: 'cor0',
  overlay: '10.77.0.0/24',
  overlay6: null,
  routes: ['192.0.2.0/24'],
  dataDirectory: folder,
};
const keys = { tunnelPrivateKey: new Uint8Array(Buffer.from(privateKey, 'base64')), tunnelPublicKey: 'public' };
const events = new DomainEvents();
const say = (name, event) => process.stdout.write(`${JSON.stringify({ name, event, atMs: Date.now() })}\n`);

for (const name of ['tunnel-state', 'tunnel-event', 'gateway-frame']) events.on(name, (event) => say(name, event));
// The registry takes a while to answer, as one does whose database starts.
const fleet = { activeDevices: () => new Promise((resolve) => setTimeout(resolve, registryMs ?? 0, [device])) };
const engine = new TunnelEngine(config, keys, events, new Clock());
await engine.start();
say('engine', {});
const service = new TunnelService(config, keys, engine, fleet, new Overlay(config.overlay, null), events);
void service.onModuleInit().then(() => say('ready', service.facts()));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.block) {
    const end = Date.now() + command.block;
    while (Date.now() < end);
    say('blocked', command.block);
  }
  if (command.emit) events.emit(...command.emit);
  if (command.linkBlocked) {
    const [path, blocked] = command.linkBlocked;
    await service.setPathBlocked(VEHICLE, path, blocked).then(
      () => say('linkBlocked', {}),
      ({ code, message }) => say('linkBlocked', { code, message }),
    );
  }
}
await service.onApplicationShutdown();
