/**
 * What a network forces to be lost: packets for which no link had room within their deadline, whoever sends them. A fluid
 * model on the scenario's own data: what all working links carry together against what the traffic wants, first come first
 * served, with a wait of at most the deadline. Random loss is not forced: what is lost can be sent again.
 */
import {
  type DirectionSpec,
  linksOf,
  merge,
  type Scenario,
  type StepDirection,
  trafficIntervalUs,
  trafficWindow,
} from '@corridor/sim';

/** Steps of the model. */
const STEP_US = 10_000;

interface Lane {
  spec: DirectionSpec;
  dark: boolean;
}

/**
 * Bytes that a direction of a scenario's first vehicle must lose, and those that its traffic wants to send there. TCP wants
 * nothing here: it takes what there is.
 */
export function forcedLossBytes(scenario: Scenario, direction: 'up' | 'down', deadlineUs: number) {
  const lanes = new Map(
    linksOf(scenario, 0).map((link) => [link.name, { spec: link[direction], dark: false } as Lane]),
  );
  const steps = Math.ceil(scenario.durationUs / STEP_US);
  const room = new Float64Array(steps);
  const wanted = new Float64Array(steps);
  let next = 0;
  for (let step = 0; step < steps; step++) {
    const nowUs = step * STEP_US;
    for (; next < scenario.steps.length && scenario.steps[next].atUs <= nowUs; next++) {
      change(lanes, scenario.steps[next], direction);
    }
    room[step] = [...lanes.values()].reduce((sum, lane) => sum + roomBytes(lane, nowUs), 0);
    wanted[step] = wantedBytes(scenario, direction, nowUs);
  }
  return { lost: overflow(room, wanted, Math.floor(deadlineUs / STEP_US)), wanted: sum(wanted) };
}

function change(lanes: Map<string, Lane>, step: Scenario['steps'][number], direction: 'up' | 'down'): void {
  if (!('link' in step)) return;
  const lane = lanes.get(step.link);
  if (lane === undefined || !concerns('direction' in step ? step.direction : undefined, direction)) return;
  if (step.action === 'blackout') lane.dark = true;
  else if (step.action === 'restore') lane.dark = false;
  else if (step.action === 'set') lane.spec = merge(lane.spec, step.set);
}

function concerns(which: StepDirection = 'both', direction: 'up' | 'down'): boolean {
  return which === 'both' || which === direction;
}

/** What a link carries through in one step; loss costs its share. */
function roomBytes({ spec, dark }: Lane, nowUs: number): number {
  if (dark) return 0;
  const { lossRatio = 0, burst } = spec;
  const inBurst = burst === undefined ? 0 : burst.enterRatio / Math.max(burst.enterRatio + burst.leaveRatio, 1e-9);
  const through = (1 - lossRatio) * (1 - inBurst * (burst?.lossRatio ?? 0));
  return ((rateBps(spec, nowUs) * STEP_US) / 8e6) * through;
}

function rateBps({ rateBps: constant, rateProfile, traceMs }: DirectionSpec, nowUs: number): number {
  if (rateProfile !== undefined)
    return rateProfile.bps[Math.floor(nowUs / rateProfile.stepUs) % rateProfile.bps.length];
  if (traceMs !== undefined) throw new RangeError('a trace has its own bound (deliveryBound)');
  return constant ?? Number.MAX_SAFE_INTEGER;
}

function wantedBytes(scenario: Scenario, direction: 'up' | 'down', nowUs: number): number {
  return scenario.traffic
    .filter((spec) => spec.kind !== 'tcp' && spec.direction === direction)
    .filter((spec) => {
      const { startUs, stopUs } = trafficWindow(scenario, spec);
      return nowUs >= startUs && nowUs < stopUs;
    })
    .reduce((total, spec) => total + (spec.bytes * STEP_US) / trafficIntervalUs(spec), 0);
}

/** Serves each step's demand with the room of that step and of the `wait` next ones, oldest demand first. */
function overflow(room: Float64Array, wanted: Float64Array, wait: number): number {
  let lost = 0;
  let from = 0;
  for (let step = 0; step < wanted.length; step++) {
    let need = wanted[step];
    from = Math.max(from, step);
    const last = Math.min(step + wait, room.length - 1);
    while (need > 0 && from <= last) {
      const taken = Math.min(need, room[from]);
      need -= taken;
      room[from] -= taken;
      if (room[from] <= 0) from++;
    }
    lost += need;
  }
  return lost;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
