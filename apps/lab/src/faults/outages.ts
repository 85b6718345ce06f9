/**
 * `npm run lab -- outages`: PostgreSQL frozen, PostgreSQL killed whenever it comes up, the gateway's main thread wedged,
 * an external broker stopped, each for a while under traffic. No packet of a tunnel may be lost, everything heals without a restart, and the frames of
 * the gap arrive.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { VehicleMetrics } from '@corridor/contracts';
import { parseArgs, UsageError, wholeNumber } from '../commands/options.js';
import { table } from '../commands/table.js';
import { allLive, type FleetLab, openFleetLab, Vitals } from './fleet-lab.js';
import { hasMosquitto, Mosquitto } from './mosquitto.js';
import { descendants, signal } from './processes.js';

const VEHICLES = 2;
const KILL_AGAIN_MS = 50;
const BEFORE_MS = 2_000;
const HEAL_TIMEOUT_MS = 60_000;
const LOOK_AGAIN_MS = 250;
/** Frames come once a second: a step of two has one, wherever it begins. */
const STEP_MS = 2_000;
/** Of a query of metrics. */
const LEAST_POINTS = 10;

export const OUTAGES = ['database-frozen', 'database-killed', 'gateway-wedged', 'broker-stopped'] as const;
export type OutageName = (typeof OUTAGES)[number];

export interface OutageResult {
  readonly outage: OutageName;
  readonly seconds: number;
  readonly sent: number;
  readonly lost: number;
  readonly longestGapMs: number;
  /** From the end of the outage until everything was live again. */
  readonly liveAgainMs: number;
  /** From the end of the outage until every frame of the gap could be read. */
  readonly framesMs: number;
}

export async function outages(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['seconds', 'seed']);
  const seconds = wholeNumber(parsed, 'seconds', 20, 2, 600);
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);
  const chosen = parsed.words.length === 0 ? OUTAGES : parsed.words.map(outageNamed);
  const withBroker = chosen.includes('broker-stopped');
  if (withBroker && !hasMosquitto()) {
    throw new UsageError(
      'broker-stopped needs mosquitto with its dynamic security plug-in (apt-get install mosquitto).',
    );
  }
  const embedded = chosen.filter((outage) => outage !== 'broker-stopped');
  const results: OutageResult[] = [];
  if (embedded.length > 0) results.push(...(await runAll(embedded, seconds, seed)));
  if (withBroker) results.push(...(await runAll(['broker-stopped'], seconds, seed)));
  console.log(`\n${report(results)}`);
  return results.every(({ lost }) => lost === 0) ? 0 : 1;
}

/** Some outages in a lab of their own; the external broker is there when one is about it. */
async function runAll(chosen: readonly OutageName[], seconds: number, seed: number): Promise<OutageResult[]> {
  let broker: Mosquitto | undefined;
  const opened = await openFleetLab(VEHICLES, seed, ({ hosts }) => {
    if (!chosen.includes('broker-stopped')) return { env: wedgeable(seconds) };
    const mosquitto = new Mosquitto(hosts.gateway);
    broker = mosquitto;
    return { env: { MQTT_URL: mosquitto.url }, before: () => mosquitto.start() };
  });
  try {
    const results: OutageResult[] = [];
    for (const outage of chosen) {
      console.log(`${outage}, ${seconds} s`);
      results.push(await runOutage(opened, broker, outage, seconds));
    }
    return results;
  } finally {
    await opened.lab.close();
    await broker?.stop();
  }
}

/** Environment of a gateway whose main thread can be wedged for that long. */
function wedgeable(seconds: number): Record<string, string> {
  const { href } = new URL('./wedge.js', import.meta.url);
  return { NODE_OPTIONS: `--import ${href}`, CORRIDOR_LAB_WEDGE_MS: String(seconds * 1000) };
}

/** @throws Error when something does not heal. */
async function runOutage(
  opened: FleetLab,
  broker: Mosquitto | undefined,
  outage: OutageName,
  seconds: number,
): Promise<OutageResult> {
  const { fleet, lab } = opened;
  const vitals = await Vitals.start(lab);
  await pause(BEFORE_MS);
  const gateway = fleet.pid('gateway');
  const fromMs = Date.now();
  await takeOut(opened, broker, outage, seconds);
  const toMs = Date.now();
  await allLive(fleet, toMs, HEAL_TIMEOUT_MS);
  const liveAgainMs = Date.now() - toMs;
  await framesBetween(opened, fromMs, toMs);
  const framesMs = Date.now() - toMs;
  if (fleet.pid('gateway') !== gateway) throw new Error('the gateway was started again: it should have healed');
  return { outage, seconds, ...(await vitals.end()), liveAgainMs, framesMs };
}

/** Resolves when the outage has lasted its time. */
async function takeOut(
  { fleet }: FleetLab,
  broker: Mosquitto | undefined,
  outage: OutageName,
  seconds: number,
): Promise<void> {
  const gateway = fleet.pid('gateway');
  if (gateway === undefined) throw new Error('the gateway does not run');
  const servers = () => descendants(gateway, 'postgres');
  if (outage === 'broker-stopped') {
    await broker?.stop();
    await pause(seconds * 1000);
    await broker?.start();
  } else if (outage === 'gateway-wedged') {
    signal([gateway], 'SIGUSR2');
    await pause(seconds * 1000);
  } else if (outage === 'database-frozen') {
    const frozen = servers();
    if (frozen.length === 0) throw new Error('no PostgreSQL runs below the gateway');
    signal(frozen, 'SIGSTOP');
    await pause(seconds * 1000);
    signal(frozen, 'SIGCONT');
  } else {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      signal(servers(), 'SIGKILL');
      await pause(KILL_AGAIN_MS);
    }
  }
}

/** Resolves when the vehicles' own frames of the whole time can be read, without a hole. */
async function framesBetween({ fleet, lab }: FleetLab, fromMs: number, toMs: number): Promise<void> {
  const giveUp = Date.now() + HEAL_TIMEOUT_MS;
  const steps = Math.max(LEAST_POINTS, Math.ceil((toMs - fromMs) / STEP_MS));
  const query = new URLSearchParams({
    from: new Date(toMs - steps * STEP_MS).toISOString(),
    to: new Date(toMs).toISOString(),
    source: 'vehicle',
    points: String(steps),
  });
  for (let slot = 0; slot < lab.vehicles; ) {
    const path = `/api/v1/vehicles/${fleet.registry.vehicleId(slot)}/metrics?${query}`;
    const { links } = await fleet.registry.rest.get(path, VehicleMetrics);
    const inside = (atS: number) => atS * 1000 >= fromMs && atS * 1000 + STEP_MS <= toMs;
    const holes = links.flatMap(({ atS, rttUs }) =>
      rttUs.filter((value, at) => value === null && inside(atS[at] ?? 0)),
    );
    if (links.length > 0 && holes.length === 0) slot++;
    else if (Date.now() > giveUp) throw new Error(`vehicle ${slot}: ${holes.length} holes in the frames of the outage`);
    else await pause(LOOK_AGAIN_MS);
  }
}

function outageNamed(name: string): OutageName {
  const found = OUTAGES.find((outage) => outage === name);
  if (found === undefined) throw new UsageError(`there is no outage "${name}"; there are: ${OUTAGES.join(', ')}`);
  return found;
}

function report(results: readonly OutageResult[]): string {
  const head = ['outage', 'seconds', 'packets', 'lost', 'longest gap ms', 'live again s', 'all frames s'];
  return table(
    head,
    results.map((result) => [
      result.outage,
      String(result.seconds),
      String(result.sent),
      String(result.lost),
      result.longestGapMs.toFixed(0),
      (result.liveAgainMs / 1000).toFixed(1),
      (result.framesMs / 1000).toFixed(1),
    ]),
  );
}
