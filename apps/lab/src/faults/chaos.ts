/**
 * `npm run lab -- chaos`: kill -9 of the gateway and of agents at random moments while operators write, each started again
 * as systemd would. Each time: everything that was confirmed is there, no policy version was used twice, the fleet is
 * back. Times are reported; only what is lost fails.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '@corridor/sim';
import { parseArgs, wholeNumber } from '../commands/options.js';
import { quantile, table } from '../commands/table.js';
import type { End } from '../runner/runner.js';
import { Evidence } from './evidence.js';
import { allLive, type FleetLab, openFleetLab } from './fleet-lab.js';

const VEHICLES = 2;
/** As the units have it: RestartSec. */
const RESTART_MS = 500;
/** A kill comes so long after the fleet is back. */
const QUIET_MS = { least: 200, most: 2_000 } as const;

export interface Kill {
  readonly who: End;
  /** From the kill until every tunnel and control channel was heard again. */
  readonly backMs: number;
}

export async function chaos(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['kills', 'seed']);
  const kills = wholeNumber(parsed, 'kills', 10, 1, 1_000);
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);
  const opened = await openFleetLab(VEHICLES, seed);
  try {
    const { done, rows } = await runChaos(opened, kills, seed, (line) => console.log(line));
    console.log(`\n${kills} kills: ${rows} confirmed rows and versions, none lost, none used twice\n\n${report(done)}`);
    return 0;
  } finally {
    await opened.lab.close();
  }
}

/** @throws Error when something that was confirmed is gone, or the fleet does not come back. */
export async function runChaos({ fleet, lab }: FleetLab, kills: number, seed: number, log: (line: string) => void) {
  const random = new Random(seed).fork('chaos');
  const vehicleIds = Array.from({ length: lab.vehicles }, (_, slot) => fleet.registry.vehicleId(slot) as string);
  const evidence = new Evidence(fleet.registry, vehicleIds);
  const done: Kill[] = [];
  for (let count = 1; count <= kills; count++) {
    const who: End = random.next() < 0.5 ? 'gateway' : random.below(lab.vehicles);
    const stop = new AbortController();
    const writing = evidence.writeUntil(stop.signal);
    await pause(QUIET_MS.least + random.next() * (QUIET_MS.most - QUIET_MS.least));
    const killedMs = performance.now();
    await fleet.kill(who);
    stop.abort();
    await writing;
    await pause(RESTART_MS);
    const restarted = Date.now();
    await fleet.startAgain(who);
    await allLive(fleet, restarted);
    const backMs = performance.now() - killedMs;
    await evidence.check();
    done.push({ who, backMs });
    log(`kill ${count}: ${nameOf(who)}, fleet back after ${(backMs / 1000).toFixed(2)} s, ${evidence.rows} rows there`);
  }
  return { done, rows: evidence.rows };
}

function report(done: readonly Kill[]): string {
  const line = (what: string, kills: readonly Kill[]) => {
    const times = kills.map(({ backMs }) => backMs / 1000).sort((a, b) => a - b);
    const figure = (value: number | undefined) => value?.toFixed(2) ?? '-';
    return [what, String(kills.length), figure(quantile(times, 0.5)), figure(times.at(-1))];
  };
  const gateway = done.filter(({ who }) => who === 'gateway');
  const agents = done.filter(({ who }) => who !== 'gateway');
  return table(
    ['killed', 'times', 'fleet back s: median', 'max'],
    [line('gateway', gateway), line('an agent', agents)],
  );
}

function nameOf(who: End): string {
  return who === 'gateway' ? 'gateway' : `agent of vehicle ${who}`;
}
