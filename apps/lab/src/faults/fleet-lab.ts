/** A lab with gateway and agents for the fault commands: clean links, vital signs both ways, the REST API at hand. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Vehicle } from '@corridor/contracts';
import type { TrafficSpec } from '@corridor/sim';
import { Lab } from '../lab.js';
import type { FleetOptions, FleetRunner } from '../runner/fleet-runner.js';
import { freshFleet } from '../runner/index.js';
import type { RunnerContext } from '../runner/runner.js';

const LIVE_TIMEOUT_MS = 60_000;
const LOOK_AGAIN_MS = 25;
/** Packets that are under way when their sender stops arrive within this. */
const DRAIN_MS = 1_500;

export interface FleetLab {
  readonly lab: Lab;
  readonly fleet: FleetRunner;
}

/** Builds it; resolves when every vehicle is live. */
export async function openFleetLab(
  vehicles: number,
  seed: number,
  more: (context: RunnerContext) => Partial<FleetOptions> = () => ({}),
): Promise<FleetLab> {
  let fleet: FleetRunner | undefined;
  const lab = await Lab.create({
    vehicles,
    seed,
    makeRunner: (context) => {
      fleet = freshFleet(context, more(context));
      return fleet;
    },
  });
  if (fleet === undefined) throw new Error('the lab made no runner');
  await lab.ready();
  await allLive(fleet, Date.now());
  return { lab, fleet };
}

/**
 * Resolves when the gateway has heard every vehicle's tunnel and control channel since `sinceMs` (UTC): not only shown
 * as live because nobody has noticed yet. @throws Error naming who is missing.
 */
export async function allLive(fleet: FleetRunner, sinceMs: number, timeoutMs = LIVE_TIMEOUT_MS): Promise<void> {
  const giveUp = Date.now() + timeoutMs;
  for (;;) {
    const vehicles = await fleet.registry.vehicles().catch((error: Error) => error);
    const missing = vehicles instanceof Error ? vehicles.message : whoIsMissing(vehicles, sinceMs);
    if (missing === undefined) return;
    if (Date.now() > giveUp) throw new Error(`the fleet is not back after ${timeoutMs} ms: ${missing}`);
    await pause(LOOK_AGAIN_MS);
  }
}

function whoIsMissing(vehicles: readonly Vehicle[], sinceMs: number): string | undefined {
  for (const { name, status } of vehicles) {
    for (const channel of ['tunnel', 'control'] as const) {
      const { state, lastSeenAt, why } = status[channel];
      if (state !== 'live') return `${channel} of ${name} is ${state} (${why})`;
      if (lastSeenAt === null || Date.parse(lastSeenAt) < sinceMs) return `${channel} of ${name}: not heard since`;
    }
  }
  return undefined;
}

const VITALS = { kind: 'vitals', packetsPerSecond: 50, bytes: 200 } as const;

/** Vital signs of every vehicle in both directions; ask it what was lost when they end. */
export class Vitals {
  private constructor(
    private readonly lab: Lab,
    private readonly ids: readonly number[],
  ) {}

  static async start(lab: Lab): Promise<Vitals> {
    const ids: number[] = [];
    for (let vehicle = 0; vehicle < lab.vehicles; vehicle++) {
      for (const direction of ['up', 'down'] as const) {
        ids.push(await lab.startFlow(vehicle, { ...VITALS, direction } satisfies TrafficSpec));
      }
    }
    return new Vitals(lab, ids);
  }

  /** Stops the senders and counts, once everything under way has arrived. */
  async end(): Promise<{ sent: number; lost: number; longestGapMs: number }> {
    for (const id of this.ids) await this.lab.stopFlow(id);
    await pause(DRAIN_MS);
    const flows = (await this.lab.flows()).filter(({ id }) => this.ids.includes(id));
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    return {
      sent: sum(flows.map(({ sent }) => sent)),
      lost: sum(flows.map(({ sent, received }) => sent - received)),
      longestGapMs: Math.max(...flows.map(({ longestGapUs }) => longestGapUs)) / 1000,
    };
  }
}
