/** The agent in a network that lets no UDP pass, against a real gateway's HTTPS server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GATEWAY_URL, until, World } from './world.js';

const FIREWALL = 'table inet firewall { chain input { type filter hook input priority 0; udp dport 4510 drop; }\n}';

let world: World;

beforeAll(async () => {
  world = await World.create();
  await world.startGateway();
});

afterAll(async () => {
  await world?.close();
});

async function paths(): Promise<Record<string, string>> {
  const report = await world.report();
  return Object.fromEntries((report?.peers[0]?.paths ?? []).map(({ name, state }) => [name, state]));
}

test('enrols, and has tunnel, control connection and policy over TLS alone; then over UDP when that works', async () => {
  world.run('gateway', ['nft', FIREWALL]);
  const { claim, vehicleId } = await world.claim('RTW 1');
  expect((await world.agent(['enroll', GATEWAY_URL, claim])).code).toBe(0);
  const agent = world.startAgent();
  await until('control connection', async () => (await world.report())?.agent.control.connected === true, 40_000);
  expect((await world.report())?.agent.control.detail).toBe('mqtt://10.77.0.1:1883');
  await until('a path for each uplink', async () => {
    const found = await paths();
    return found['w0/tls'] === 'up' && found['w1/tls'] === 'up';
  });
  await until('the policy', async () => {
    const { policy } = (await world.rest('GET', `/api/v1/vehicles/${vehicleId}`)).body.status;
    return policy.state === 'applied';
  });
  expect(agent.log()).toMatch(/uplink w0 tls-open: UDP got nowhere for \d\.\d s: over TLS to 203\.0\.113\.10/);

  world.run('gateway', ['nft', 'delete table inet firewall']);
  await until('UDP alone', async () => JSON.stringify(await paths()) === '{"w0":"up","w1":"up"}', 40_000);
  expect((await world.report())?.agent.control.connected).toBe(true);
  expect(agent.log()).not.toMatch(/session (lost|closed)/);
});
