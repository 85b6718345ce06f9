import { keyOf, PolicyLayer, type Steering, type TrafficClass, type TrafficMatch } from '@corridor/contracts';
import { type DraftWorth, draftWorth, worthOf } from './worth.js';

/** A policy layer as the form holds it: text where people type. `key` only tells rows apart. */
export interface DraftMatch {
  readonly key: number;
  readonly dscp: string;
  readonly protocol: '' | 'tcp' | 'udp' | 'icmp';
  readonly ports: string;
  readonly prefixes: string;
}
export interface DraftClass {
  readonly key: number;
  readonly name: string;
  readonly strategy: string;
  /** JSON; empty: none. */
  readonly options: string;
  readonly worth: DraftWorth;
  readonly matches: readonly DraftMatch[];
}
export interface Draft {
  /** Empty: what the layers above say. */
  readonly defaultStrategy: string;
  readonly defaultOptions: string;
  readonly defaultWorth: DraftWorth;
  readonly classes: readonly DraftClass[];
  readonly without: readonly string[];
}

let lastKey = 0;
const newKey = () => ++lastKey;

export function newMatch(): DraftMatch {
  return { key: newKey(), dscp: '', protocol: '', ports: '', prefixes: '' };
}

export function newClass(strategy: string): DraftClass {
  return { key: newKey(), name: '', strategy, options: '', worth: draftWorth(undefined), matches: [newMatch()] };
}

export function draftOf(layer: PolicyLayer): Draft {
  return {
    defaultStrategy: layer.default?.strategy ?? '',
    defaultOptions: optionsText(layer.default),
    defaultWorth: draftWorth(layer.default),
    classes: layer.classes.map((item) => ({
      key: newKey(),
      name: item.name,
      strategy: item.strategy,
      options: optionsText(item),
      worth: draftWorth(item),
      matches: item.match.map(draftMatch),
    })),
    without: layer.without,
  };
}

function draftMatch(match: TrafficMatch): DraftMatch {
  return {
    key: newKey(),
    dscp: match.dscp?.join(', ') ?? '',
    protocol: match.protocol ?? '',
    ports: match.ports?.join(', ') ?? '',
    prefixes: match.prefixes?.join(', ') ?? '',
  };
}

function optionsText(steering: Steering | undefined): string {
  return steering?.options === undefined ? '' : JSON.stringify(steering.options, null, 2);
}

export type Read =
  | { readonly ok: true; readonly layer: PolicyLayer }
  /** Sentences by key, such as `classes[0].name`. */
  | { readonly ok: false; readonly errors: Readonly<Record<string, string>> };

/** The layer that the form describes, or what is wrong with it. */
export function layerOf(draft: Draft): Read {
  const errors: Record<string, string> = {};
  const options = (text: string, key: string): { options?: Record<string, unknown> } => {
    if (text.trim() === '') return {};
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return { options: value as Record<string, unknown> };
    } catch {}
    errors[key] = 'expected a JSON object, such as { "budget": 0.1 }';
    return {};
  };
  const classes = draft.classes.map((item, at) => ({
    name: item.name.trim(),
    strategy: item.strategy,
    ...options(item.options, `classes[${at}].options`),
    ...worthOf(item.worth),
    match: item.matches.map(matchOf),
  }));
  const candidate = {
    kind: 'policy-layer',
    v: 1,
    ...(draft.defaultStrategy === ''
      ? {}
      : {
          default: {
            strategy: draft.defaultStrategy,
            ...options(draft.defaultOptions, 'default.options'),
            ...worthOf(draft.defaultWorth),
          },
        }),
    classes,
    without: draft.without,
  };
  const names = classes.map(({ name }) => name);
  names.forEach((name, at) => {
    if (names.indexOf(name) !== at) errors[`classes[${at}].name`] = `there is already a class "${name}"`;
  });
  const parsed = PolicyLayer.safeParse(candidate);
  for (const issue of parsed.error?.issues ?? []) errors[keyOf(issue.path)] ??= issue.message;
  return parsed.success && Object.keys(errors).length === 0 ? { ok: true, layer: parsed.data } : { ok: false, errors };
}

function matchOf({ dscp, protocol, ports, prefixes }: DraftMatch): TrafficMatch {
  const list = (text: string) => text.split(/[\s,]+/).filter(Boolean);
  const number = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);
  return {
    ...(dscp.trim() === '' ? {} : { dscp: list(dscp).map(number) as number[] }),
    ...(protocol === '' ? {} : { protocol }),
    ...(ports.trim() === '' ? {} : { ports: list(ports).map(number) }),
    ...(prefixes.trim() === '' ? {} : { prefixes: list(prefixes) }),
  };
}

/** "UDP, port 5060, DSCP 46"; an empty match holds for everything. */
export function matchText({ dscp, protocol, ports, prefixes }: TrafficMatch): string {
  const parts = [
    protocol?.toUpperCase(),
    ports === undefined ? undefined : `port ${ports.join(', ')}`,
    dscp === undefined ? undefined : `DSCP ${dscp.join(', ')}`,
    prefixes === undefined ? undefined : `to or from ${prefixes.join(', ')}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

export function classText(item: TrafficClass): string {
  return item.match.map(matchText).join('; or ');
}
