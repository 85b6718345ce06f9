/**
 * A gateway's host in the network namespace it is started in: adds, replaces and removes vehicles, and prints the routes
 * over its device after each step as JSON lines.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { TunnelHost } from '@corridor/tunnel-host';

const step = (name, host) => {
  const routes = execFileSync('ip', ['-json', 'route', 'show', 'dev', 'cor0'], { encoding: 'utf8' });
  const destinations = JSON.parse(routes).map(({ dst }) => dst);
  process.stdout.write(`${JSON.stringify({ name, routes: destinations.sort(), vehicles: host.vehicleNames })}\n`);
};
const key = () => new Uint8Array(randomBytes(32));
const first = { name: 'rtw-1', publicKey: key(), addresses: ['10.77.0.2/32', '192.168.77.0/24'] };

const host = await TunnelHost.start({
  role: 'gateway',
  privateKey: key(),
  tun: { name: 'cor0', mtu: 1400, addresses: ['10.77.0.1/24'], routes: [] },
  policy: { version: 1, default: { strategy: 'active-standby' }, classes: [] },
  listen: ['127.0.0.1:4510'],
  vehicles: [first],
});
step('started', host);
await host.addVehicle({ name: 'rtw-2', publicKey: key(), addresses: ['10.77.0.3/32', '192.168.78.0/24'] });
step('added', host);
await host.addVehicle({ ...first, addresses: ['10.77.0.2/32', '192.168.79.0/24'] });
step('replaced', host);
await host.removeVehicle('rtw-2');
step('removed', host);
await host.setPolicy({ version: 2, default: { strategy: 'redundant' }, classes: [] });
const refused = await host
  .setPolicy({ version: 3, default: { strategy: 'none' }, classes: [] })
  .catch(({ code }) => code);
const wrongRole = await host.setPathBlocked('w0', true, 'rtw-1').catch(({ code }) => code);
process.stdout.write(
  `${JSON.stringify({ policy: host.policy.version, refused, wrongRole, counters: host.counters()['tun.readCalls'] >= 0 })}\n`,
);
await host.close();
const after = await host.status().catch(({ code }) => code);
process.stdout.write(`${JSON.stringify({ after, ended: (await host.ended) ?? 'in good order' })}\n`);
