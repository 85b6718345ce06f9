/**
 * The conformance kit: what every strategy has to keep, as a plain function for any test runner.
 *
 *     expect(checkStrategy(thrifty)).toEqual([]);
 */
import { type ConformanceCase, planRequest, standardCases, type TraceStep } from './conformance-cases.js';
import {
  type Plan,
  type PlanMode,
  type PlanRequest,
  type Strategy,
  type StrategyFactory,
  StrategyOptionsError,
} from './sdk.js';

export {
  type ConformanceCase,
  noise,
  type PathChange,
  path,
  planRequest,
  type RequestChange,
  standardCases,
  type TraceStep,
  trace,
} from './conformance-cases.js';

export type ConformanceRule =
  /** Name and description are there and well formed. */
  | 'description'
  /** Unknown options and the given bad ones are refused with StrategyOptionsError, good ones are taken. */
  | 'options'
  | 'never-throws'
  /** A known mode; at least one path, each known, none twice; a reason. */
  | 'valid-plan'
  /** The plan is JSON and the same after a round trip. */
  | 'json'
  /** Two instances answer the same to the same trace. */
  | 'deterministic'
  /** The first path changes no oftener than the case allows, and while nothing changes neither does the plan. */
  | 'steady'
  /**
   * `copies: n` and `repair` cost no more than the class's redundancy: over a minute at most half as much again (what was
   * saved before), and a second of copies.
   */
  | 'budget'
  /** While any path is up: nothing is sent on one that is down, and something on one that is up. */
  | 'leaves-down'
  /** Traffic leaves a suspect path at once when one is up; copies may go on there. */
  | 'leaves-suspect';

export interface Violation {
  readonly rule: ConformanceRule;
  /** Name of the case, or of what was tried. */
  readonly where: string;
  readonly message: string;
}

export interface ConformanceOptions {
  /** Options with which the strategy is made. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options that it has to refuse, beside an unknown key. */
  readonly badOptions?: readonly Readonly<Record<string, unknown>>[];
  readonly cases?: readonly ConformanceCase[];
}

const MAX_REASON = 500;
const MODES: readonly PlanMode[] = ['single', 'copies', 'spill', 'balance'];
const MAX_REPAIR = 4;
const BUDGET_WINDOW_US = 60_000_000;
const SAVED = 1.5;
const ALWAYS_US = 1_000_000;

/** Leads a strategy through every case and answers what it broke, an empty list when nothing. Never throws itself. */
export function checkStrategy(factory: StrategyFactory, conformance: ConformanceOptions = {}): Violation[] {
  const violations = [...checkDescription(factory), ...checkOptions(factory, conformance)];
  const options = conformance.options ?? {};
  for (const testCase of conformance.cases ?? standardCases) {
    const first = run(factory, options, testCase);
    violations.push(...first.violations);
    const second = run(factory, options, testCase);
    if (JSON.stringify(first.plans) !== JSON.stringify(second.plans)) {
      violations.push({ rule: 'deterministic', where: testCase.name, message: 'two instances gave different plans' });
    }
    violations.push(...checkSteady(first.plans, testCase), ...checkBudget(first.plans, testCase));
  }
  return violations;
}

function checkSteady(plans: readonly Plan[], { name, maxSwitches, settledFrom }: ConformanceCase): Violation[] {
  const violations: Violation[] = [];
  const complain = (message: string) => violations.push({ rule: 'steady', where: name, message });
  const switches = countSwitches(plans);
  if (maxSwitches !== undefined && switches > maxSwitches) {
    complain(`moved traffic ${switches} times, at most ${maxSwitches} expected`);
  }
  if (settledFrom !== undefined) {
    const late = plans.slice(settledFrom).find((plan) => JSON.stringify(plan) !== JSON.stringify(plans[settledFrom]));
    if (late !== undefined) complain(`made a new plan though nothing had changed: ${late.reason}`);
  }
  return violations;
}

/** Mode `copies` is left out: a strategy that is chosen for it by name (`redundant`) costs what the operator ordered. */
function checkBudget(plans: readonly Plan[], { name, steps, ...change }: ConformanceCase): Violation[] {
  const { limits, traffic } = planRequest(0, [], change);
  const { redundancy } = limits;
  if (traffic.demandBps === 0) return [];
  const spentUs: number[] = plans.map((plan, i) => {
    const untilNextUs = i + 1 < steps.length ? steps[i + 1].atUs - steps[i].atUs : 0;
    // Asked a few times a second: what a plan would cost in a minute without a question is not its fault.
    const elapsedUs = Math.min(ALWAYS_US, untilNextUs);
    return ((plan.copies ?? 0) + (plan.repair ?? 0)) * elapsedUs;
  });
  let sumUs = 0;
  for (let end = 0, start = 0; end < spentUs.length; end++) {
    sumUs += spentUs[end];
    while (steps[end].atUs - steps[start].atUs > BUDGET_WINDOW_US) sumUs -= spentUs[start++];
    if (sumUs <= redundancy * SAVED * BUDGET_WINDOW_US + ALWAYS_US) continue;
    const ratio = (sumUs / BUDGET_WINDOW_US).toFixed(3);
    const message = `spent ${ratio} extra bytes per byte over a minute, about ${redundancy} expected`;
    return [{ rule: 'budget', where: name, message }];
  }
  return [];
}

function checkDescription(factory: StrategyFactory): Violation[] {
  const violations: Violation[] = [];
  const complain = (message: string) => violations.push({ rule: 'description', where: 'factory', message });
  if (!/^[a-z][a-z0-9-]*$/.test(String(factory.name))) complain('name: lower case letters, digits and dashes expected');
  if (typeof factory.description !== 'string' || factory.description.trim() === '')
    complain('description: a sentence expected');
  return violations;
}

function checkOptions(factory: StrategyFactory, conformance: ConformanceOptions): Violation[] {
  const violations: Violation[] = [];
  for (const bad of [{ 'no such option': 1 }, ...(conformance.badOptions ?? [])]) {
    const where = `options ${JSON.stringify(bad)}`;
    try {
      factory.create(Object.freeze({ ...conformance.options, ...bad }));
      violations.push({ rule: 'options', where, message: 'were taken, StrategyOptionsError expected' });
    } catch (error) {
      // By code as well: a module of its own may have loaded a second copy of the SDK.
      const known =
        error instanceof StrategyOptionsError || (error as { code?: unknown })?.code === 'ERR_STRATEGY_OPTIONS';
      if (!known) violations.push({ rule: 'options', where, message: `threw ${error}, StrategyOptionsError expected` });
    }
  }
  return violations;
}

interface Run {
  readonly plans: readonly Plan[];
  readonly violations: readonly Violation[];
}

function run(factory: StrategyFactory, options: Readonly<Record<string, unknown>>, testCase: ConformanceCase): Run {
  const plans: Plan[] = [];
  const found = new Map<string, Violation>();
  // Each rule and message once a case: a broken strategy breaks it at every step.
  const complain = (rule: ConformanceRule, message: string) => {
    if (!found.has(rule + message)) found.set(rule + message, { rule, where: testCase.name, message });
  };
  const result = { plans, violations: [] as Violation[] };
  let strategy: Strategy | undefined;
  try {
    strategy = factory.create(Object.freeze({ ...options }));
  } catch (error) {
    complain('options', `create threw ${error}`);
  }
  let current: Plan | undefined;
  for (const step of strategy === undefined ? [] : testCase.steps) {
    const plan = planOnce(strategy as Strategy, step, testCase, current, complain);
    if (plan === undefined) break;
    plans.push(plan);
    current = plan;
  }
  result.violations.push(...found.values());
  return result;
}

type Complain = (rule: ConformanceRule, message: string) => void;

/** The plan of one step, or undefined when there is none to go on with. */
function planOnce(
  strategy: Strategy,
  step: TraceStep,
  { traffic, limits }: ConformanceCase,
  current: Plan | undefined,
  complain: Complain,
): Plan | undefined {
  // Frozen all through: a strategy that writes into what it was shown throws.
  const request: PlanRequest = deepFreeze(
    planRequest(step.atUs, jsonCopy(step.paths), {
      current: current === undefined ? undefined : jsonCopy(current),
      traffic,
      limits,
    }),
  );
  let plan: Plan;
  try {
    plan = strategy.plan(request);
  } catch (error) {
    complain('never-throws', `plan threw ${error}`);
    return undefined;
  }
  const fault = planFault(plan, request);
  if (fault !== undefined) {
    complain('valid-plan', fault);
    return undefined;
  }
  checkStates(plan, request, complain);
  if (isJson(plan)) return jsonCopy(plan);
  complain('json', 'the plan has more in it than JSON keeps');
  return { mode: plan.mode, paths: [...plan.paths], reason: plan.reason };
}

/** What is wrong with the plan, undefined when nothing. */
function planFault(plan: Plan, request: PlanRequest): string | undefined {
  if (typeof plan !== 'object' || plan === null) return 'plan answered no plan';
  if (!MODES.includes(plan.mode)) return `mode ${String(plan.mode)}: one of ${MODES.join(', ')} expected`;
  if (!Array.isArray(plan.paths) || plan.paths.length === 0) return 'paths: at least one expected';
  if (new Set(plan.paths).size !== plan.paths.length) return 'paths: an id came twice';
  const unknown = plan.paths.find((id) => !request.paths.some((path) => path.id === id));
  if (unknown !== undefined) return `paths: ${String(unknown)} is not an id of the request`;
  if (typeof plan.reason !== 'string' || plan.reason.trim() === '') return 'reason: words for dispatchers expected';
  if (plan.reason.length > MAX_REASON) return `reason: at most ${MAX_REASON} characters expected`;
  return extrasFault(plan) ?? sharingFault(plan);
}

function extrasFault({ mode, paths, copies, repair }: Plan): string | undefined {
  if (copies !== undefined) {
    if (mode === 'copies') return 'copies: not with mode copies, which sends on every path';
    if (!Number.isInteger(copies) || copies < 1) return `copies: a whole number from 1 expected, got ${copies}`;
    if (copies >= paths.length) return `copies: ${copies} more paths expected, there are ${paths.length - 1}`;
  }
  if (repair !== undefined && !(repair > 0 && repair <= MAX_REPAIR)) {
    return `repair: a number above 0, at most ${MAX_REPAIR}, expected, got ${repair}`;
  }
  return undefined;
}

function sharingFault({ mode, paths, weights, pinned, preferUs }: Plan): string | undefined {
  if (mode !== 'balance' && (weights !== undefined || pinned !== undefined))
    return 'weights, pinned: only with balance';
  if (mode !== 'spill' && preferUs !== undefined) return 'preferUs: only with spill';
  if (weights !== undefined) {
    if (!Array.isArray(weights) || weights.length !== paths.length) return 'weights: one for each of paths expected';
    if (!weights.every((weight) => weight > 0 && weight < Number.POSITIVE_INFINITY)) {
      return 'weights: numbers above 0 expected';
    }
  }
  if (pinned !== undefined && typeof pinned !== 'boolean') return 'pinned: true or false expected';
  if (preferUs !== undefined && !(preferUs >= 0)) return 'preferUs: microseconds from 0 expected';
  return undefined;
}

function checkStates(plan: Plan, request: PlanRequest, complain: Complain): void {
  const stateOf = (id: number) => request.paths.find((path) => path.id === id)?.state;
  if (!request.paths.some((path) => path.state === 'up')) return;
  const used = plan.mode === 'single' ? plan.paths.slice(0, 1) : plan.paths;
  const states = used.map(stateOf);
  if (states.includes('down')) complain('leaves-down', `${plan.mode} uses a path that is down while another is up`);
  if (plan.mode !== 'copies' && states.includes('suspect')) {
    complain('leaves-suspect', 'traffic stays on a suspect path while another is up');
  }
  if (plan.mode === 'copies' && !states.includes('up')) complain('leaves-down', 'no copy goes to a path that is up');
}

function countSwitches(plans: readonly Plan[]): number {
  let switches = 0;
  for (let i = 1; i < plans.length; i++) if (plans[i].paths[0] !== plans[i - 1].paths[0]) switches++;
  return switches;
}

function jsonCopy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

/** Nothing is lost when `value` is written as JSON and read again. */
function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value as object).every(isJson);
}
