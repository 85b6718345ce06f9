import type { StrategyFactory } from '@corridor/strategy';
import { DEFAULT_MIN_SHARE, LOWEST_PRIORITY } from './class-rules.js';
import { Classifier } from './classify.js';
import { type ClassPolicy, PolicyError, type TrafficClass, type TrafficMatch, type TunnelPolicy } from './policy.js';
import { hasHostBits, parsePrefix } from './prefixes.js';

/** The class index has 4 bits on the wire and 0 is the default. */
const MAX_CLASSES = 15;
const MAX_NAME_LENGTH = 64;
const PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;
const ORDERS = ['auto', 'flow', 'none'] as const;
const SPREADS = ['packets', 'flows', 'none'] as const;
const AVOIDED = ['metered', 'roaming', 'capped'] as const;
/** Retransmissions and queues are bounded by it: what a sender holds is memory. */
const DEADLINE_MS = { least: 20, most: 3_000 };
const MOST_SHARE = 0.5;
const MOST_REDUNDANCY = 4;
const CLASS_POLICY_KEYS = [
  'strategy',
  'options',
  'priority',
  'urgent',
  'minShare',
  'deadlineMs',
  'redundancy',
  'order',
  'spread',
  'avoid',
  'emergency',
] as const satisfies readonly (keyof ClassPolicy)[];

type Json = Readonly<Record<string, unknown>>;

/**
 * Checks that a value, as read from JSON, is a policy that can be followed, and answers it with nothing else in it.
 * @param strategies those that the policy may name; their `create` checks the options
 * @throws PolicyError for the first thing that is wrong: which key, and what was expected there
 */
export function checkPolicy(value: unknown, strategies: readonly StrategyFactory[]): TunnelPolicy {
  const policy = object(value, 'policy', ['version', 'default', 'classes']);
  const list = policy.classes === undefined ? [] : array(policy.classes, 'classes');
  if (list.length > MAX_CLASSES) throw expected('classes', `at most ${MAX_CLASSES} classes`, list.length);
  const checked: TunnelPolicy = {
    version: policy.version === undefined ? 0 : integer(policy.version, 'version', 0, 0xffff_ffff),
    default: checkClassPolicy(object(policy.default, 'default', CLASS_POLICY_KEYS), 'default', strategies),
    classes: list.map((item, index) => checkClass(item, `classes[${index}]`, strategies)),
  };
  const names = new Set(['default']);
  checked.classes.forEach(({ name }, index) => {
    if (names.has(name)) throw expected(`classes[${index}].name`, 'a name that no other class has', name);
    names.add(name);
  });
  checkShares(checked);
  // Compiling it finds prefixes and port ranges that cannot be read, with their keys.
  new Classifier(checked);
  return checked;
}

/** Shares are promises: together they cannot be more than there is. */
function checkShares({ default: fallback, classes }: TunnelPolicy): void {
  let sum = 0;
  for (const { minShare = DEFAULT_MIN_SHARE } of [fallback, ...classes]) sum += minShare;
  if (sum > 1 + Number.EPSILON * 16) {
    const what = `shares that are 1 together at most (${DEFAULT_MIN_SHARE} where a class says nothing)`;
    throw expected('minShare', what, Math.round(sum * 1_000) / 1_000);
  }
}

function checkClass(value: unknown, key: string, strategies: readonly StrategyFactory[]): TrafficClass {
  const item = object(value, key, ['name', 'match', ...CLASS_POLICY_KEYS]);
  const name = item.name;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) {
    throw expected(`${key}.name`, `a name of 1 to ${MAX_NAME_LENGTH} characters`, name);
  }
  const match = array(item.match, `${key}.match`);
  if (match.length === 0) throw expected(`${key}.match`, 'at least one match ({} holds for everything)', match);
  return {
    name,
    match: match.map((each, index) => checkMatch(each, `${key}.match[${index}]`)),
    ...checkClassPolicy(item, key, strategies),
  };
}

function checkClassPolicy(item: Json, key: string, strategies: readonly StrategyFactory[]): ClassPolicy {
  const factory = strategies.find((each) => each.name === item.strategy);
  if (factory === undefined) {
    const known = strategies.map((each) => each.name).join(', ');
    throw expected(`${key}.strategy`, `one of ${known}`, item.strategy);
  }
  const options = item.options === undefined ? undefined : object(item.options, `${key}.options`);
  try {
    factory.create(options ?? {});
  } catch (error) {
    throw new PolicyError(`${key}.options`, error instanceof Error ? error.message : String(error));
  }
  return { strategy: factory.name, ...(options !== undefined && { options }), ...checkWorth(item, key) };
}

/** What the class is worth, beside its strategy. */
function checkWorth(item: Json, key: string): Omit<ClassPolicy, 'strategy' | 'options'> {
  const { priority, urgent, minShare, deadlineMs, redundancy, order, spread, avoid, emergency } = item;
  const { least, most } = DEADLINE_MS;
  return {
    ...(priority !== undefined && { priority: integer(priority, `${key}.priority`, 1, LOWEST_PRIORITY) }),
    ...(urgent !== undefined && { urgent: flag(urgent, `${key}.urgent`) }),
    ...(minShare !== undefined && { minShare: number(minShare, `${key}.minShare`, 0, MOST_SHARE) }),
    ...(deadlineMs !== undefined && { deadlineMs: integer(deadlineMs, `${key}.deadlineMs`, least, most) }),
    ...(redundancy !== undefined && { redundancy: number(redundancy, `${key}.redundancy`, 0, MOST_REDUNDANCY) }),
    ...(order !== undefined && { order: oneOf(order, `${key}.order`, ORDERS) }),
    ...(spread !== undefined && { spread: oneOf(spread, `${key}.spread`, SPREADS) }),
    ...(avoid !== undefined && { avoid: avoided(avoid, `${key}.avoid`) }),
    ...(emergency !== undefined && { emergency: flag(emergency, `${key}.emergency`) }),
  };
}

/** Each kind once; none at all says that the class avoids nothing. */
function avoided(value: unknown, key: string): (typeof AVOIDED)[number][] {
  const kinds = array(value, key).map((kind, index) => oneOf(kind, `${key}[${index}]`, AVOIDED));
  kinds.forEach((kind, index) => {
    if (kinds.indexOf(kind) !== index) throw expected(`${key}[${index}]`, 'each kind once', kind);
  });
  return kinds;
}

function checkMatch(value: unknown, key: string): TrafficMatch {
  const match = object(value, key, ['dscp', 'protocol', 'ports', 'prefixes']);
  return {
    ...(match.dscp !== undefined && { dscp: list(match.dscp, `${key}.dscp`, codePoint) }),
    ...(match.protocol !== undefined && { protocol: oneOf(match.protocol, `${key}.protocol`, PROTOCOLS) }),
    ...(match.ports !== undefined && { ports: list(match.ports, `${key}.ports`, port) }),
    ...(match.prefixes !== undefined && { prefixes: list(match.prefixes, `${key}.prefixes`, prefix) }),
  };
}

function codePoint(value: unknown, key: string): number {
  return integer(value, key, 0, 63);
}

function oneOf<T extends string>(value: unknown, key: string, choices: readonly T[]): T {
  const known = choices.find((each) => each === value);
  if (known === undefined) throw expected(key, `one of ${choices.join(', ')}`, value);
  return known;
}

function flag(value: unknown, key: string): boolean {
  if (typeof value !== 'boolean') throw expected(key, 'true or false', value);
  return value;
}

function number(value: unknown, key: string, least: number, most: number): number {
  // NaN is no number of a range, and compares so.
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw expected(key, `a number from ${least} to ${most}`, value);
  }
  return value;
}

function port(value: unknown, key: string): number | string {
  if (typeof value === 'number') return integer(value, key, 0, 0xffff);
  const parts = typeof value === 'string' ? /^(\d{1,5})-(\d{1,5})$/.exec(value) : null;
  if (parts === null || Number(parts[1]) > Number(parts[2]) || Number(parts[2]) > 0xffff) {
    throw expected(key, 'a port from 0 to 65535, or a range such as "5000-5010"', value);
  }
  return value as string;
}

function prefix(value: unknown, key: string): string {
  const parsed = typeof value === 'string' ? parsePrefix(value) : undefined;
  if (parsed === undefined) throw expected(key, 'a prefix such as "10.0.0.0/8" or "fd00::/8"', value);
  if (hasHostBits(parsed)) throw expected(key, `a prefix without bits beyond its length ${parsed.length}`, value);
  return value as string;
}

/** A list with at least one member: an empty one would match nothing, which nobody means. */
function list<T>(value: unknown, key: string, check: (member: unknown, key: string) => T): T[] {
  const members = array(value, key);
  if (members.length === 0) throw expected(key, 'at least one member', members);
  return members.map((member, index) => check(member, `${key}[${index}]`));
}

function object(value: unknown, key: string, keys?: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected(key, 'an object', value);
  for (const name of Object.keys(value)) {
    if (keys !== undefined && !keys.includes(name)) {
      const where = key === 'policy' ? name : `${key}.${name}`;
      throw new PolicyError(where, `is not known here, expected one of ${keys.join(', ')}`);
    }
  }
  return value as Json;
}

function array(value: unknown, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw expected(key, 'a list', value);
  return value;
}

function integer(value: unknown, key: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw expected(key, `a whole number from ${least} to ${most}`, value);
  }
  return value;
}

function expected(key: string, what: string, got: unknown): PolicyError {
  const text = got === undefined ? 'nothing' : (JSON.stringify(got) ?? String(got));
  return new PolicyError(key, `expected ${what}, got ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`);
}
