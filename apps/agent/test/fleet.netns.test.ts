/** The agent against a real gateway, over a real tunnel: enrolment, policies, clocks, power-offs. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GATEWAY_URL, type Program, sleep, until, World } from './world.js';

let world: World;
let gateway: Program;
let vehicleId = '';
let agent: Program;

beforeAll(async () => {
  world = await World.create();
  gateway = await world.startGateway();
});

afterAll(async () => {
  await world?.close();
});

async function policyState(): Promise<{ target: number; applied: number; state: string; reason: string }> {
  return (await world.rest('GET', `/api/v1/vehicles/${vehicleId}`)).body.status.policy;
}

/** Writes the vehicle's layer, which makes a new version. */
async function push(strategy: string): Promise<void> {
  const path = `/api/v1/policies/vehicle/${vehicleId}`;
  const current = await world.rest('GET', path);
  const layer = { kind: 'policy-layer', v: 1, default: { strategy }, classes: [], without: [] };
  const answer = await world.rest('PUT', path, { layer, baseVersion: current.body.version ?? 0 });
  if (answer.status >= 300) throw new Error(`no policy: ${JSON.stringify(answer.body)}`);
}

test('enrols, connects through its own tunnel and follows its policy', async () => {
  const made = await world.claim('RTW 1');
  vehicleId = made.vehicleId;
  const enrolled = await world.agent(['enroll', GATEWAY_URL, made.claim]);
  expect(enrolled.output).toMatch(/Enrolled: this is RTW 1 of /);
  expect(enrolled.code).toBe(0);

  agent = world.startAgent();
  await until('tunnel and control connection', async () => {
    const report = await world.report();
    return report?.peers[0]?.session === 'established' && report.agent.control.connected;
  });
  await until('the first policy', async () => (await policyState()).state === 'applied');
  await push('redundant');
  await until('the second policy', async () => {
    const { state, target, applied } = await policyState();
    return state === 'applied' && target === applied && target > 1;
  });
  const report = await world.report();
  expect(report?.peers[0]?.classes[0]).toMatchObject({ strategy: 'redundant' });
  expect(report?.agent.clock.machineAheadSeconds).toBe(0);
  expect(report?.agent.control.detail).toBe('mqtt://10.77.0.1:1883');
});
