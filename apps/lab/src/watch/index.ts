/** The live view of tunnels in a terminal: `npm run lab -- watch`. Runs inside the lab's sandbox. */
import { setTimeout as pause } from 'node:timers/promises';
import { vehicleName } from '@corridor/sim';
import { type Drive, openDrive } from '../demo/drive.js';
import type { LabFace } from '../face.js';
import { Lab } from '../lab.js';
import { monotonicMs } from './clock.js';
import { Collector } from './collector.js';
import { Demo } from './demo.js';
import { Doors } from './doors.js';
import { parseWatchOptions, WATCH_USAGE, type WatchOptions } from './options.js';
import { demoPolicy, STRATEGIES } from './policy.js';
import { LiveSurface, PlainSurface, type Surface } from './surface.js';

const SAMPLE_MS = 500;
const SESSION_MS = 20_000;

/** Runs the demo until it is told to stop and answers the exit code. */
export async function runWatch(args: readonly string[]): Promise<number> {
  let options: WatchOptions | 'help';
  try {
    options = parseWatchOptions(args);
  } catch (error) {
    process.stderr.write(`watch: ${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(WATCH_USAGE);
    return 0;
  }
  const live = !options.plain && process.stdout.isTTY && process.stdin.isTTY && process.env.TERM !== 'dumb';
  const stop = new AbortController();
  const end = () => stop.abort();
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
  if (options.seconds !== undefined) setTimeout(end, options.seconds * 1000).unref();
  const drive = openDrive(options.seed, options.vehicles);
  const started = monotonicMs();
  const surface = live ? new LiveSurface(started, end) : new PlainSurface(started);
  let lab: Lab | undefined;
  let doors: Doors | undefined;
  let failure: Error | undefined;
  try {
    surface.phase(`starting a gateway and ${options.vehicles} vehicle${options.vehicles === 1 ? '' : 's'}`);
    lab = await unlessStopped(
      stop.signal,
      Lab.create({
        vehicles: options.vehicles,
        links: (vehicle) => drive.links(vehicle),
        policy: demoPolicy(1, STRATEGIES[0]),
        seed: options.seed,
      }),
    );
    lab.on('failure', (error) => {
      failure = error;
      end();
    });
    doors = await Doors.create();
    const statusCommand = await openDoors(doors, lab);
    const collector = new Collector(lab, drive.operators, statusCommand, monotonicMs, started);
    surface.phase('waiting for every vehicle to shake hands');
    await allEstablished(lab, stop.signal);
    await run(lab, collector, drive, surface, stop.signal);
    if (failure !== undefined) throw failure;
    return 0;
  } catch (error) {
    if (stop.signal.aborted && failure === undefined) return 0;
    surface.close();
    process.stderr.write(`watch: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    surface.phase('ending');
    doors?.close();
    await lab?.close();
    surface.close();
    process.off('SIGINT', end).off('SIGTERM', end).off('SIGHUP', end);
  }
}

/** Links may be out of reach where a vehicle starts: one session each is enough to begin. */
async function allEstablished(lab: LabFace, signal: AbortSignal): Promise<void> {
  const giveUpMs = monotonicMs() + SESSION_MS;
  for (let vehicle = 0; vehicle < lab.vehicles; ) {
    if ((await lab.status(vehicle))?.session === 'established') vehicle++;
    else if (monotonicMs() > giveUpMs)
      throw new Error(`${vehicleName(vehicle)} has no session after ${SESSION_MS / 1000} s`);
    else await pause(50, undefined, { signal });
  }
}

async function run(
  lab: LabFace,
  collector: Collector,
  drive: Drive,
  surface: Surface,
  signal: AbortSignal,
): Promise<void> {
  const demo = new Demo(lab, collector, drive);
  await demo.start();
  surface.start(collector, demo);
  try {
    while (!signal.aborted) {
      await collector.sample();
      surface.show(collector.view());
      await pause(SAMPLE_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    demo.stop();
  }
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

/** Doors to all control sockets; answers how to use them. */
async function openDoors(doors: Doors, lab: LabFace): Promise<string> {
  const gateway = await doors.open('gateway', lab.controlSocket('gateway'));
  for (let vehicle = 0; vehicle < lab.vehicles; vehicle++) {
    await doors.open(`vehicle-${vehicle}`, lab.controlSocket(vehicle));
  }
  return `status: node apps/tunnel/bin/corridor-tunnel.js status --control ${gateway}`;
}
