/**
 * Asks the strategies for plans and turns each into what the hot path executes: for every class, the paths on which
 * each of its packets goes out now.
 *
 * A plan names paths in order of preference; which of them carry traffic follows from their health, and never is the
 * set empty while a path exists: first those that are up; failing that every suspect and gated one, so that nothing
 * is lost should one of them be alive; failing that the path that was heard of last.
 */
import type { PathSnapshot, Plan, Strategy, StrategyFactory } from '@corridor/strategy';
import { OVERHEAD_BYTES } from '@corridor/wire';
import { type ClassRules, classRules } from './class-rules.js';
import { MAX_PATHS } from './constants.js';
import { fastestOf, type Path } from './path.js';
import type { ClassPolicy, TunnelPolicy } from './policy.js';
import type { ClassStatus } from './status.js';

export const DEFAULT_CLASS = 'default';

/** What the hot path does with packets of one class. */
export class Execution {
  /** Paths on which each packet goes out, `count` of them. */
  readonly paths: (Path | undefined)[] = new Array(MAX_PATHS).fill(undefined);
  count = 0;
  /** Largest inner packet that all of them carry, as far as is known. */
  maxPacket = Number.MAX_SAFE_INTEGER;
  plan: Plan | undefined;
  sinceUs = 0;

  constructor(
    readonly name: string,
    readonly strategyName: string,
    readonly strategy: Strategy,
    readonly rules: ClassRules,
  ) {}

  someUp(): boolean {
    for (let i = 0; i < this.count; i++) if (this.paths[i]?.state === 'up') return true;
    return false;
  }
}

/** Traffic of a class moved to other paths. */
export interface Switch {
  readonly trafficClass: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly reason: string;
}

export class Scheduler {
  /** By class index: the default, then the policy's classes in order. */
  executions: Execution[] = [];
  /** Where acknowledgements and other control datagrams go: the best two paths. */
  best: Path | undefined;
  second: Path | undefined;
  /** Control datagrams go over both: a path is suspect, or a class pays for copies and shall not wait for its answers. */
  twice = false;

  constructor(private readonly strategies: readonly StrategyFactory[]) {}

  /** Takes a checked policy: fresh strategies, no plans yet. */
  setPolicy(policy: TunnelPolicy, nowUs: number): void {
    const make = (name: string, choice: ClassPolicy, place: number) => {
      const factory = this.strategies.find((one) => one.name === choice.strategy);
      if (factory === undefined)
        throw new Error(`strategy ${choice.strategy} is missing though the policy was checked`);
      const execution = new Execution(
        name,
        choice.strategy,
        factory.create(choice.options ?? {}),
        classRules(choice, place),
      );
      execution.sinceUs = nowUs;
      return execution;
    };
    const before = this.executions;
    this.executions = [
      make(DEFAULT_CLASS, policy.default, policy.classes.length + 1),
      ...policy.classes.map((one, index) => make(one.name, one, index + 1)),
    ];
    // Traffic keeps flowing as before until the first plan of the new strategies, which follows at once.
    for (const execution of this.executions) {
      const old = before.find((one) => one.name === execution.name);
      if (old === undefined) continue;
      for (let i = 0; i < old.count; i++) execution.paths[i] = old.paths[i];
      execution.count = old.count;
      execution.sinceUs = old.sinceUs;
    }
  }

  /** Asks every strategy and answers which classes moved. `paths` in path-id order, without those that are gone. */
  plan(paths: readonly Path[], nowUs: number): Switch[] {
    this.rankForControl(paths);
    if (paths.length === 0) {
      for (const execution of this.executions) {
        execution.count = 0;
        if (execution.sinceUs === 0) execution.sinceUs = nowUs;
      }
      return [];
    }
    const fastest = { send: fastestOf(paths, 'send'), receive: fastestOf(paths, 'receive') };
    const snapshots = paths.map((path) => path.snapshot(nowUs, fastest));
    const switches: Switch[] = [];
    for (const execution of this.executions) {
      const moved = planClass(execution, paths, snapshots, nowUs);
      if (moved !== undefined) switches.push(moved);
    }
    return switches;
  }

  status(): ClassStatus[] {
    return this.executions.map((execution) => ({
      name: execution.name,
      strategy: execution.strategyName,
      mode: execution.plan?.mode ?? 'single',
      paths: namesOf(execution),
      reason: execution.plan?.reason ?? '',
      sinceUs: execution.sinceUs,
    }));
  }

  private rankForControl(paths: readonly Path[]): void {
    this.best = undefined;
    this.second = undefined;
    this.twice = this.executions.some((execution) => execution.plan?.mode === 'copies');
    for (const path of paths) {
      if (!path.usable) continue;
      if (path.state === 'suspect') this.twice = true;
      if (this.best === undefined || betterForControl(path, this.best)) {
        this.second = this.best;
        this.best = path;
      } else if (this.second === undefined || betterForControl(path, this.second)) this.second = path;
    }
  }
}

const RANK = { up: 0, suspect: 1, gated: 2, down: 3 } as const;

/** Whether `a` is the better path for what must arrive soon: by state, then by round trip. */
export function betterForControl(a: Path, b: Path): boolean {
  if (RANK[a.state] !== RANK[b.state]) return RANK[a.state] < RANK[b.state];
  return a.rtt.expectedUs < b.rtt.expectedUs;
}

function planClass(
  execution: Execution,
  paths: readonly Path[],
  snapshots: readonly PathSnapshot[],
  nowUs: number,
): Switch | undefined {
  const from = namesOf(execution);
  const plan = askStrategy(execution, snapshots, nowUs);
  execution.plan = plan;
  compile(execution, plan, paths);
  const to = namesOf(execution);
  if (sameSet(from, to)) return undefined;
  execution.sinceUs = nowUs;
  return { trafficClass: execution.name, from, to, reason: plan.reason };
}

/** Strategies must not throw; should a foreign one do so, its class is carried on by the operator's order. */
function askStrategy(execution: Execution, snapshots: readonly PathSnapshot[], nowUs: number): Plan {
  const request = {
    nowUs,
    trafficClass: execution.name,
    paths: snapshots,
    current: execution.plan,
    traffic: { demandBps: 0, packetBytes: 0, flows: 0 },
    limits: execution.rules.limits,
  };
  try {
    return execution.strategy.plan(request);
  } catch (error) {
    const paths = [...snapshots].sort((a, b) => a.priority - b.priority).map((path) => path.id);
    return { mode: 'single', paths, reason: `strategy ${execution.strategyName} failed: ${String(error)}` };
  }
}

function compile(execution: Execution, plan: Plan, paths: readonly Path[]): void {
  execution.count = 0;
  const limit = plan.mode === 'single' ? 1 : MAX_PATHS;
  for (const id of plan.paths) {
    const path = paths.find((one) => one.id === id);
    // A copy on a doubtful path costs no more than it did before, may be the one that arrives, and proves the path.
    const fit = path?.usable && (path.state === 'up' || (limit > 1 && path.state !== 'down'));
    if (fit && execution.count < limit) execution.paths[execution.count++] = path;
  }
  if (!execution.someUp()) fallBack(execution, plan, paths);
  execution.maxPacket = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < execution.count; i++) {
    const largest = execution.paths[i]?.maxDatagram ?? 0;
    if (largest > 0) execution.maxPacket = Math.min(execution.maxPacket, largest - OVERHEAD_BYTES);
  }
}

/** None of the plan's paths is up: see the head of this file. */
function fallBack(execution: Execution, plan: Plan, paths: readonly Path[]): void {
  if (plan.mode === 'single') execution.count = 0;
  let lastHeard: Path | undefined;
  let up: Path | undefined;
  for (const path of paths) {
    if (!path.usable) continue;
    if (path.state === 'up' && up === undefined) up = path;
    if (lastHeard === undefined || path.heardUs > lastHeard.heardUs) lastHeard = path;
  }
  if (up !== undefined) {
    execution.paths[execution.count++] = up;
    return;
  }
  execution.count = 0;
  for (const doubtful of orderedBy(plan, paths)) {
    const alive = doubtful.usable && (doubtful.state === 'suspect' || doubtful.state === 'gated');
    if (alive) execution.paths[execution.count++] = doubtful;
  }
  if (execution.count === 0 && lastHeard !== undefined) execution.paths[execution.count++] = lastHeard;
}

function orderedBy(plan: Plan, paths: readonly Path[]): Path[] {
  const place = (path: Path) => {
    const at = plan.paths.indexOf(path.id);
    return at < 0 ? MAX_PATHS : at;
  };
  return [...paths].sort((a, b) => place(a) - place(b) || a.id - b.id);
}

function namesOf(execution: Execution): string[] {
  const names: string[] = [];
  for (let i = 0; i < execution.count; i++) names.push(execution.paths[i]?.name ?? '');
  return names;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
