import { canonicalJson, type PolicyLayer, type Steering, type TrafficClass } from '@corridor/contracts';
import { classText } from './draft.js';
import { worthChanges, worthText } from './worth.js';

/** What saving `after` over `before` changes, one sentence each; empty when nothing does. */
export function layerChanges(before: PolicyLayer, after: PolicyLayer): string[] {
  const changes: string[] = [];
  changes.push(...steeringChanges('Default traffic', before.default, after.default));
  const old = byName(before.classes);
  const fresh = byName(after.classes);
  for (const [name, item] of fresh) {
    const was = old.get(name);
    if (was === undefined) changes.push(`Class ${name} is added: ${steeringText(item)} for ${classText(item)}.`);
    else changes.push(...classChanges(was, item));
  }
  for (const name of old.keys()) if (!fresh.has(name)) changes.push(`Class ${name} is no longer set here.`);
  const common = (names: readonly string[]) => names.filter((name) => old.has(name) && fresh.has(name)).join(' ');
  if (common([...old.keys()]) !== common([...fresh.keys()])) {
    changes.push(`The order becomes ${[...fresh.keys()].join(', ')}: the first class that matches wins.`);
  }
  for (const name of after.without)
    if (!before.without.includes(name)) changes.push(`The inherited class ${name} is removed here.`);
  for (const name of before.without)
    if (!after.without.includes(name)) changes.push(`The inherited class ${name} is back.`);
  return changes;
}

function classChanges(before: TrafficClass, after: TrafficClass): string[] {
  const changes = steeringChanges(`Class ${after.name}`, before, after);
  if (!same(before.match, after.match))
    changes.push(`Class ${after.name} is for ${classText(after)} (was: ${classText(before)}).`);
  return changes;
}

function steeringChanges(what: string, before: Steering | undefined, after: Steering | undefined): string[] {
  if (before === undefined || after === undefined) {
    return before === after ? [] : [`${what}: ${steeringText(before)} → ${steeringText(after)}.`];
  }
  const changes: string[] = [];
  if (strategyText(before) !== strategyText(after)) {
    changes.push(`${what}: ${strategyText(before)} → ${strategyText(after)}.`);
  }
  const worth = worthChanges(before, after);
  if (worth !== '') changes.push(`${what}: ${worth}.`);
  return changes;
}

function steeringText(steering: Steering | undefined): string {
  if (steering === undefined) return 'inherited';
  return [strategyText(steering), worthText(steering)].filter(Boolean).join(', ');
}

function strategyText({ strategy, options }: Steering): string {
  return options === undefined ? strategy : `${strategy} ${canonicalJson(options)}`;
}

function same(a: unknown, b: unknown): boolean {
  return a === undefined || b === undefined ? a === b : canonicalJson(a) === canonicalJson(b);
}

function byName(classes: readonly TrafficClass[]): Map<string, TrafficClass> {
  return new Map(classes.map((item) => [item.name, item]));
}

/**
 * My edits of `base` laid over `theirs`, which somebody else saved meanwhile: what I did not touch is theirs, what I
 * touched is mine.
 */
export function rebased(base: PolicyLayer, mine: PolicyLayer, theirs: PolicyLayer): PolicyLayer {
  const { default: _theirs, ...rest } = theirs;
  const steering = same(base.default, mine.default) ? theirs.default : mine.default;
  const [old, own, other] = [byName(base.classes), byName(mine.classes), byName(theirs.classes)];
  const touched = (name: string) => !same(old.get(name), own.get(name));
  const names = [...other.keys(), ...[...own.keys()].filter((name) => !other.has(name))];
  const classes = names
    .map((name) => (touched(name) ? own.get(name) : other.get(name)))
    .filter((item) => item !== undefined);
  const kept = theirs.without.filter((name) => !base.without.includes(name) || mine.without.includes(name));
  const added = mine.without.filter((name) => !base.without.includes(name) && !kept.includes(name));
  return { ...rest, ...(steering === undefined ? {} : { default: steering }), classes, without: [...kept, ...added] };
}
