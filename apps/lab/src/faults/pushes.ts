/**
 * `npm run lab -- pushes`: how long it takes from an operator's saving of a policy to the vehicle's word that it is applied.
 * Real gateway and real agents; each policy goes through REST, database, signature, MQTT in the tunnel, the vehicle's
 * disk and its engine, and back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, wholeNumber } from '../commands/options.js';
import { quantile, table } from '../commands/table.js';
import { policyLayer } from '../runner/policy-layer.js';
import { allLive, type FleetLab, openFleetLab } from './fleet-lab.js';

const VEHICLES = 2;
const LOOK_MS = 5;
const GIVE_UP_MS = 20_000;
/** Between two pushes: each stands for itself. */
const QUIET_MS = 100;

export async function pushes(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['count', 'seed']);
  const count = wholeNumber(parsed, 'count', 200, 1, 10_000);
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);
  const opened = await openFleetLab(VEHICLES, seed);
  try {
    const times = await push(opened, count);
    console.log(`${count} policies saved over REST, to ${VEHICLES} vehicles in turns\n\n${report(times)}`);
    return 0;
  } finally {
    await opened.lab.close();
  }
}

/**
 * Times from the request that saves until the gateway shows the version as applied, milliseconds, ascending.
 * @throws Error when a vehicle does not apply one.
 */
export async function push({ fleet, lab }: FleetLab, count: number): Promise<number[]> {
  const { registry } = fleet;
  await allLive(fleet, Date.now());
  const times: number[] = [];
  for (let number = 0; number < count; number++) {
    const slot = number % lab.vehicles;
    const id = registry.vehicleId(slot) as string;
    const before = (await registry.policy(id)).target?.version ?? 0;
    // Every other one is different, so that each is a policy of its own.
    const strategy = Math.floor(number / lab.vehicles) % 2 === 0 ? 'redundant' : 'smallest-delay';
    const startedMs = performance.now();
    await registry.setVehiclePolicy(
      id,
      policyLayer({ version: 1, default: { strategy }, classes: [] }),
      `push ${number}`,
    );
    for (;;) {
      const { applied } = await registry.policy(id);
      if ((applied?.version ?? 0) > before) break;
      if (performance.now() - startedMs > GIVE_UP_MS) throw new Error(`vehicle ${slot} did not apply push ${number}`);
      await pause(LOOK_MS);
    }
    times.push(performance.now() - startedMs);
    await pause(QUIET_MS);
  }
  return times.sort((a, b) => a - b);
}

function report(times: readonly number[]): string {
  const figure = (value: number | undefined) => value?.toFixed(0) ?? '-';
  return table(
    ['saved to applied, ms: p50', 'p95', 'p99', 'max'],
    [
      [
        figure(quantile(times, 0.5)),
        figure(quantile(times, 0.95)),
        figure(quantile(times, 0.99)),
        figure(times.at(-1)),
      ],
    ],
  );
}
