/** Checks a scenario that somebody wrote as JSON: what is wrong is said in one sentence that names the key. */

import { checkDirection, type Scenario } from '@corridor/sim';
import { builtInStrategies } from '@corridor/strategy';
import { checkPolicy } from '@corridor/tunnel';
import { MOST_LINKS, MOST_VEHICLES } from '../addresses.js';

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly code = 'ERR_SCENARIO';
}

type Json = Readonly<Record<string, unknown>>;
const KINDS = ['vitals', 'video', 'udp', 'tcp'];
const DIRECTIONS = ['up', 'down', 'both'];
const CONGESTIONS = ['cubic', 'bbr'];
/** Room for the stamp behind IPv6 and UDP headers, and the largest packet that a link takes. */
const PACKET_BYTES = { least: 72, most: 1500 };

/** @throws ScenarioError */
export function checkScenario(value: unknown, source: string): Scenario {
  try {
    const scenario = object(value, 'scenario');
    known(scenario, 'scenario', [
      ...['name', 'description', 'durationUs', 'vehicles', 'links', 'linksOfVehicle', 'traffic', 'policy', 'steps'],
      'outsideFamily',
    ]);
    if (!/^[a-z0-9-]+$/.test(text(scenario.name, 'name')))
      fail('name', 'lower case letters, digits and dashes', scenario.name);
    text(scenario.description, 'description');
    const durationUs = integer(scenario.durationUs, 'durationUs', 1, 86_400_000_000);
    const vehicles = integer(scenario.vehicles, 'vehicles', 1, MOST_VEHICLES);
    const links = checkLinks(scenario.links, 'links');
    const own = scenario.linksOfVehicle === undefined ? [] : list(scenario.linksOfVehicle, 'linksOfVehicle');
    for (const [i, set] of own.entries()) for (const name of checkLinks(set, `linksOfVehicle[${i}]`)) links.add(name);
    for (const [i, spec] of list(scenario.traffic, 'traffic').entries())
      checkTraffic(spec, `traffic[${i}]`, durationUs);
    checkThePolicy(scenario.policy, 'policy');
    let before = 0;
    for (const [i, step] of list(scenario.steps, 'steps').entries()) {
      before = checkStep(step, `steps[${i}]`, { before, durationUs, vehicles, links });
    }
    if (scenario.outsideFamily !== undefined) oneOf(scenario.outsideFamily, 'outsideFamily', [4, 6]);
    return value as Scenario;
  } catch (error) {
    if (error instanceof ScenarioError) throw new ScenarioError(`${source}: ${error.message}`);
    throw error;
  }
}

function checkLinks(value: unknown, at: string): Set<string> {
  const names = new Set<string>();
  const links = list(value, at);
  if (links.length === 0 || links.length > MOST_LINKS) fail(at, `1 to ${MOST_LINKS} links`, links.length);
  for (const [i, item] of links.entries()) {
    const link = object(item, `${at}[${i}]`);
    known(link, `${at}[${i}]`, ['name', 'up', 'down', 'nat', 'priority', 'metered']);
    const name = text(link.name, `${at}[${i}].name`);
    if (!/^[a-z][a-z0-9-]{0,7}$/.test(name)) fail(`${at}[${i}].name`, 'a device name of at most 8 characters', name);
    if (names.has(name)) fail(`${at}[${i}].name`, 'a name that no other link has', name);
    names.add(name);
    checkLink(link, `${at}[${i}]`);
  }
  return names;
}

function checkLink(link: Json, at: string): void {
  for (const direction of ['up', 'down'] as const) checkDirectionAt(link[direction], `${at}.${direction}`);
  if (link.nat !== undefined) {
    const nat = object(link.nat, `${at}.nat`);
    known(nat, `${at}.nat`, ['mappingLifetimeUs']);
    if (nat.mappingLifetimeUs !== undefined) {
      integer(nat.mappingLifetimeUs, `${at}.nat.mappingLifetimeUs`, 1, Number.MAX_SAFE_INTEGER);
    }
  }
  if (link.priority !== undefined) integer(link.priority, `${at}.priority`, 1, 255);
  if (link.metered !== undefined && typeof link.metered !== 'boolean')
    fail(`${at}.metered`, 'true or false', link.metered);
}

const DIRECTION_KEYS = [
  ...['rateBps', 'rateProfile', 'traceMs', 'delayUs', 'jitterUs', 'lossRatio', 'burst', 'queueBytes'],
  ...['mtuBytes', 'reorderRatio', 'duplicateRatio'],
];

function checkDirectionAt(value: unknown, at: string): void {
  const spec = object(value, at);
  known(spec, at, DIRECTION_KEYS);
  try {
    checkDirection(spec as never);
  } catch (error) {
    throw new ScenarioError(`${at}.${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkTraffic(value: unknown, at: string, durationUs: number): void {
  const spec = object(value, at);
  known(spec, at, [
    ...['kind', 'direction', 'bytes', 'rateBps', 'packetsPerSecond', 'dscp', 'startUs', 'stopUs', 'congestion', 'ecn'],
  ]);
  oneOf(spec.kind, `${at}.kind`, KINDS);
  oneOf(spec.direction, `${at}.direction`, ['up', 'down']);
  if (spec.dscp !== undefined) integer(spec.dscp, `${at}.dscp`, 0, 63);
  if (spec.startUs !== undefined) integer(spec.startUs, `${at}.startUs`, 0, durationUs);
  if (spec.stopUs !== undefined) integer(spec.stopUs, `${at}.stopUs`, 0, durationUs);
  if (spec.kind !== 'tcp') {
    for (const key of ['congestion', 'ecn'])
      if (spec[key] !== undefined) throw new ScenarioError(`${at}.${key}: only tcp has it`);
  }
  if (spec.congestion !== undefined) oneOf(spec.congestion, `${at}.congestion`, CONGESTIONS);
  if (spec.ecn !== undefined && typeof spec.ecn !== 'boolean') fail(`${at}.ecn`, 'true or false', spec.ecn);
  if (spec.kind === 'tcp') return;
  integer(spec.bytes, `${at}.bytes`, PACKET_BYTES.least, PACKET_BYTES.most);
  const rates = [spec.rateBps, spec.packetsPerSecond].filter((rate) => rate !== undefined);
  if (rates.length !== 1) throw new ScenarioError(`${at}: either rateBps or packetsPerSecond was expected`);
  if (!(typeof rates[0] === 'number' && rates[0] > 0)) fail(at, 'a rate above 0', rates[0]);
}

interface StepContext {
  readonly before: number;
  readonly durationUs: number;
  readonly vehicles: number;
  readonly links: ReadonlySet<string>;
}

function checkStep(value: unknown, at: string, context: StepContext): number {
  const step = object(value, at);
  const atUs = integer(step.atUs, `${at}.atUs`, 0, context.durationUs);
  if (atUs < context.before) fail(`${at}.atUs`, 'steps in order of time', atUs);
  if (step.vehicle !== undefined) integer(step.vehicle, `${at}.vehicle`, 0, context.vehicles - 1);
  const keys = ['atUs', 'action', 'vehicle'];
  const linked = () => {
    keys.push('link');
    oneOf(step.link, `${at}.link`, [...context.links]);
  };
  const directed = () => {
    keys.push('direction');
    if (step.direction !== undefined) oneOf(step.direction, `${at}.direction`, DIRECTIONS);
  };
  switch (step.action) {
    case 'blackout':
    case 'restore':
      linked();
      directed();
      break;
    case 'rebind-nat':
    case 'change-address':
      linked();
      break;
    case 'set':
      linked();
      directed();
      keys.push('set');
      checkChange(step.set, `${at}.set`);
      break;
    case 'policy':
      keys.push('policy');
      checkThePolicy(step.policy, `${at}.policy`);
      break;
    case 'restart-gateway':
      keys.splice(keys.indexOf('vehicle'), 1, 'downUs');
      integer(step.downUs, `${at}.downUs`, 0, context.durationUs);
      break;
    default:
      fail(
        `${at}.action`,
        'blackout, restore, rebind-nat, change-address, set, policy or restart-gateway',
        step.action,
      );
  }
  known(step, at, keys);
  return atUs;
}

/** A change is a specification in which nothing is required and null takes a limit away. */
function checkChange(value: unknown, at: string): void {
  const set = Object.entries(object(value, at)).filter(([, given]) => given !== null);
  checkDirectionAt({ delayUs: 0, ...Object.fromEntries(set) }, at);
}

function checkThePolicy(value: unknown, at: string): void {
  try {
    checkPolicy(value, builtInStrategies);
  } catch (error) {
    throw new ScenarioError(`${at}.${error instanceof Error ? error.message : String(error)}`);
  }
}

function object(value: unknown, at: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(at, 'an object', value);
  return value as Json;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) fail(at, 'a list', value);
  return value as unknown[];
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') fail(at, 'a text', value);
  return value as string;
}

function integer(value: unknown, at: string, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    fail(at, `a whole number from ${least} to ${most}`, value);
  }
  return value as number;
}

function oneOf(value: unknown, at: string, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) fail(at, allowed.map((item) => JSON.stringify(item)).join(', '), value);
}

function known(value: Json, at: string, keys: readonly string[]): void {
  const stranger = Object.keys(value).find((key) => !keys.includes(key));
  if (stranger !== undefined) throw new ScenarioError(`${at}.${stranger}: no such key; there are: ${keys.join(', ')}`);
}

function fail(at: string, expected: string, got: unknown): never {
  throw new ScenarioError(`${at}: ${expected} was expected, not ${JSON.stringify(got)}`);
}
