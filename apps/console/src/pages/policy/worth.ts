import type { AvoidedPaths, Steering } from '@corridor/contracts';

/** What a class is worth, as the form holds it: text where people type. Empty or undefined: the default. */
export interface DraftWorth {
  readonly redundancy: string;
  readonly urgent: boolean | undefined;
  readonly avoid: readonly AvoidedPaths[] | undefined;
  readonly emergency: boolean | undefined;
  readonly priority: string;
  readonly minShare: string;
  readonly deadlineMs: string;
  readonly order: string;
  readonly spread: string;
}

type Worth = Pick<Steering, keyof DraftWorth>;

const text = (value: number | string | undefined) => (value === undefined ? '' : String(value));

export function draftWorth(steering: Steering | undefined): DraftWorth {
  return {
    redundancy: text(steering?.redundancy),
    urgent: steering?.urgent,
    avoid: steering?.avoid,
    emergency: steering?.emergency,
    priority: text(steering?.priority),
    minShare: text(steering?.minShare),
    deadlineMs: text(steering?.deadlineMs),
    order: text(steering?.order),
    spread: text(steering?.spread),
  };
}

/** The part of a steering that the form describes; what is no number stays text, so that the check can name it. */
export function worthOf(draft: DraftWorth): Worth {
  const entries = Object.entries(draft).flatMap(([key, value]) => {
    if (value === undefined || (typeof value === 'string' && value.trim() === '')) return [];
    return [[key, typeof value === 'string' && NUMBERS.has(key) ? numberOr(value) : value]];
  });
  return Object.fromEntries(entries) as Worth;
}

const NUMBERS = new Set(['redundancy', 'priority', 'minShare', 'deadlineMs']);

/** "0,1" is what a German keyboard gives. */
function numberOr(value: string): number | string {
  const number = Number(value.trim().replace(',', '.'));
  return Number.isNaN(number) ? value : number;
}

/** Each key in words, the default where nothing is said. */
const WORDS: { readonly [K in keyof Required<Worth>]: (value: Worth[K]) => string } = {
  urgent: (value) => (value === true ? 'urgent' : 'not urgent'),
  redundancy: (value = 0) => `redundancy ${value}`,
  avoid: (value = []) => `avoids ${value.length === 0 ? 'nothing' : value.join(', ')}`,
  emergency: (value) => (value === true ? 'emergency: uses what it avoids' : 'no emergency'),
  priority: (value) => (value === undefined ? 'priority by its place' : `priority ${value}`),
  minShare: (value = 0.05) => `at least ${Math.round(value * 1_000) / 10} %`,
  deadlineMs: (value = 3_000) => `deadline ${value} ms`,
  order: (value = 'auto') => `order ${value}`,
  spread: (value = 'packets') => `spread ${value}`,
};
const KEYS = Object.keys(WORDS) as (keyof Worth)[];

function words(key: keyof Worth, worth: Worth): string {
  return (WORDS[key] as (value: unknown) => string)(worth[key]);
}

/** What is said, such as "urgent, redundancy 2"; empty when everything is left to the defaults. */
export function worthText(worth: Worth): string {
  return KEYS.filter((key) => worth[key] !== undefined)
    .map((key) => words(key, worth))
    .join(', ');
}

/** What is different, such as "redundancy 0 → redundancy 0.1"; empty when nothing is. */
export function worthChanges(before: Worth, after: Worth): string {
  return KEYS.filter((key) => words(key, before) !== words(key, after))
    .map((key) => `${words(key, before)} → ${words(key, after)}`)
    .join('; ');
}
