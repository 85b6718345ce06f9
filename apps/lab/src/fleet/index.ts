/** `npm start`: the demo fleet. What runs inside the sandbox; the face outside is front-door.ts. */
import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { clientPrefixes } from '../addresses.js';
import { type Drive, openDrive, stationLinks } from '../demo/drive.js';
import { Lab } from '../lab.js';
import { FleetFolders } from '../runner/fleet-folders.js';
import { ADMIN, adminPassword, type FleetRegistry, type VehiclePlan } from '../runner/fleet-registry.js';
import { FleetRunner } from '../runner/fleet-runner.js';
import { demoPolicy } from '../watch/policy.js';
import { baseMap } from './base-map.js';
import { FleetDemo } from './demo.js';
import { serveDrills } from './drill-server.js';
import type { FrontDoor, Note } from './front-door.js';
import { FLEET_USAGE, type FleetDemoOptions, parseFleetOptions } from './options.js';

const LIVE_TIMEOUT_MS = 30_000;
const LOOK_AGAIN_MS = 200;
/** How the inside knows the outside: the note of the front door, as JSON. */
const NOTE = 'CORRIDOR_LAB_NOTE';

/** Outside: opens the front door; answers what the inside has to know, and an exit code when there is nothing to run. */
export async function openFrontDoor(
  args: readonly string[],
): Promise<{ door: FrontDoor; env: Record<string, string> } | number> {
  let options: FleetDemoOptions | 'help';
  try {
    options = parseFleetOptions(args);
    if (options !== 'help') {
      const { FrontDoor } = await import('./front-door.js');
      const door = await FrontDoor.open(options.data, options.port);
      return { door, env: { [NOTE]: JSON.stringify(door.note) } };
    }
  } catch (error) {
    process.stderr.write(`corridor: ${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  process.stdout.write(FLEET_USAGE);
  return 0;
}

/** Inside: runs the demo until it is told to stop and answers the exit code. */
export async function runFleet(args: readonly string[]): Promise<number> {
  const options = parseFleetOptions(args) as FleetDemoOptions;
  const { folder, url } = JSON.parse(process.env[NOTE] ?? '') as Note;
  delete process.env[NOTE];
  const folders = new FleetFolders(options.data, folder);
  const stop = new AbortController();
  const end = () => stop.abort();
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
  if (options.seconds !== undefined) setTimeout(end, options.seconds * 1000).unref();
  const say = stepLog(options.quiet);
  const fleet = new Fleet(options, folders, say);
  try {
    await unlessStopped(stop.signal, fleet.start());
    process.stdout.write(welcome(url, adminPassword(folders), clientPrefixes(options.vehicles).v4));
    await pause(2 ** 31 - 1, undefined, { signal: stop.signal }).catch(() => {});
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    process.stderr.write(`corridor: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    say('ending: the fleet is kept for the next start');
    await fleet.close();
  }
}

class Fleet {
  private lab: Lab | undefined;
  private demo: FleetDemo | undefined;
  private server: Server | undefined;

  constructor(
    private readonly options: FleetDemoOptions,
    private readonly folders: FleetFolders,
    private readonly say: (line: string) => void,
  ) {}

  async start(): Promise<void> {
    const { vehicles, seed } = this.options;
    // One more than are enrolled: it has its modems and waits for a claim.
    const drive = openDrive(seed, vehicles + 1);
    this.say(`making ${vehicles + 1} vehicles, three operators each, a hospital`);
    let runner: FleetRunner | undefined;
    this.lab = await Lab.create({
      vehicles: vehicles + 1,
      links: (vehicle) => stationLinks(drive, vehicle),
      policy: demoPolicy(1, 'smallest-delay'),
      seed,
      makeRunner: (context) => {
        runner = new FleetRunner(context, {
          folders: this.folders,
          plans: plans(vehicles, drive),
          group: { name: 'Emergency Ambulances', description: 'Ambulances of the demo' },
          env: this.environment(drive),
          gpsd: { host: '127.0.0.1', port: 2947 },
          restart: true,
          log: this.say,
        });
        return runner;
      },
    });
    this.lab.on('failure', (error) => this.say(error.message));
    if (runner === undefined) throw new Error('the lab made no runner');
    this.demo = new FleetDemo(this.lab, runner, drive);
    this.server = await serveDrills(drillSocket(this.folders), this.demo);
    this.say('starting drive, receivers and traffic');
    await this.demo.start();
    this.say('waiting for every vehicle to be live');
    await allLive(runner.registry, this.say);
  }

  async close(): Promise<void> {
    this.demo?.stop();
    this.server?.close();
    await this.lab?.close();
  }

  private environment(drive: Drive): Record<string, string> {
    const mapFile = join(this.folders.run, 'base-map.json');
    writeFileSync(mapFile, JSON.stringify(baseMap(drive.map)));
    return {
      CORRIDOR_BASE_MAP: mapFile,
      CORRIDOR_DRILL_SOCKET: drillSocket(this.folders),
      CORRIDOR_ORGANISATION: 'Auenbrück Emergency Services',
    };
  }
}

function drillSocket(folders: FleetFolders): string {
  return join(folders.run, 'demo.sock');
}

function plans(vehicles: number, drive: Drive): (VehiclePlan | undefined)[] {
  const uplinks = [...drive.operators].map(([name, operator], index) => ({
    name,
    label: `Modem ${index + 1}`,
    operator,
  }));
  const enrolled = Array.from({ length: vehicles }, (_, slot) => {
    const { v4, v6 } = clientPrefixes(slot);
    return { name: `Ambulance ${slot + 1}`, networks: [v4, v6], uplinks };
  });
  return [...enrolled, undefined];
}

/** A vehicle that an operator revoked stays away: says so after a while and goes on. */
async function allLive(registry: FleetRegistry, say: (line: string) => void): Promise<void> {
  const giveUpMs = performance.now() + LIVE_TIMEOUT_MS;
  for (;;) {
    // A machine that is busy with starting may keep an answer waiting: asked again.
    const vehicles = await registry.vehicles().catch(() => undefined);
    const enrolled = vehicles?.filter(({ id }) => registry.slotOf(id) !== undefined);
    const missing = enrolled?.filter(({ status }) => status.tunnel.state !== 'live' || status.control.state !== 'live');
    if (missing?.length === 0) return;
    if (performance.now() > giveUpMs) {
      for (const { name, status } of missing ?? []) {
        say(
          `${name} is not live: tunnel ${status.tunnel.state} (${status.tunnel.why}), control ${status.control.state}`,
        );
      }
      return;
    }
    await pause(LOOK_AGAIN_MS);
  }
}

function stepLog(quiet: boolean): (line: string) => void {
  const startedMs = performance.now();
  if (quiet) return () => {};
  return (line) =>
    process.stdout.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

function welcome(url: string, password: string, spareNetwork: string): string {
  return `
  Console   ${url}
  Login     ${ADMIN}
  Password  ${password}

  One more ambulance waits at the station. Add a vehicle in the console (Provisioning; the network behind it is
  ${spareNetwork}), make a claim, then:  npm run lab -- enrol CLAIM
  Ctrl-C ends everything; the next start finds this fleet again.

`;
}

/** The answer of `work`, or a rejection as soon as the person wants to stop: the sandbox ends what is half done. */
function unlessStopped<Answer>(signal: AbortSignal, work: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new Error('stopped while starting'));
    if (signal.aborted) stopped();
    signal.addEventListener('abort', stopped, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
  });
}
