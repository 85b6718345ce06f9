import type { RecordedEvent, VehicleEvent } from '@corridor/contracts';
import type { IconName } from '../../ui/icons.js';
import { feltWords, spendingChange } from './decisions.js';

export const EVENT_FILTERS = ['switches', 'paths', 'all'] as const;
export type EventFilter = (typeof EVENT_FILTERS)[number];

const PATH_TYPES: readonly VehicleEvent['type'][] = [
  'path-switch',
  'path-switch-effect',
  'protection',
  'path-state',
  'path-added',
  'path-removed',
  'path-moved',
  'uplink',
  'session',
];

export function matchesFilter(
  { event, source }: RecordedEvent,
  filter: EventFilter,
  end: 'both' | RecordedEvent['source'],
): boolean {
  if (end !== 'both' && source !== end) return false;
  if (filter === 'switches') return event.type === 'path-switch' || event.type === 'path-switch-effect';
  return filter === 'all' || PATH_TYPES.includes(event.type);
}

/** Union of two lists, newest first, each event once. */
export function mergedEvents(a: readonly RecordedEvent[], b: readonly RecordedEvent[]): RecordedEvent[] {
  const byId = new Map([...a, ...b].map((event) => [event.id, event]));
  return [...byId.values()].sort((x, y) => (x.at < y.at ? 1 : x.at > y.at ? -1 : x.id < y.id ? 1 : -1));
}

export interface EventWords {
  readonly icon: IconName;
  readonly tone: 'switch' | 'good' | 'bad' | 'warn' | 'plain';
  readonly title: string;
  /** The reason, when the title does not say it already. */
  readonly detail: string;
}

/** An event in words. `titleOf` names a path as people call it. */
export function wordsOf(event: VehicleEvent, titleOf: (path: string) => string): EventWords {
  const path = event.path === undefined ? 'Path' : titleOf(event.path);
  switch (event.type) {
    case 'path-switch':
      return words(
        'switch',
        'switch',
        `${names(event.from, titleOf)} → ${names(event.to, titleOf)}`,
        withReplays(event),
      );
    case 'path-switch-effect':
      return words(
        'switch',
        'plain',
        `${names(event.from, titleOf)} → ${names(event.to, titleOf)}`,
        effectDetail(event),
      );
    case 'protection':
      return words('policy', 'warn', spendingChange(event) || 'Protection', protectionDetail(event, titleOf));
    case 'path-state':
      return words('link', toneOf(event.to), `${path}: ${text(event.from)} → ${text(event.to)}`, event.reason);
    case 'path-added':
      return words('link', 'plain', `${path} added`, event.reason);
    case 'path-removed':
      return words('link', 'warn', `${path} removed`, event.reason);
    case 'path-moved':
      return words('link', 'plain', `${path}: ${text(event.from)} → ${text(event.to)}`, event.reason || 'new address');
    case 'uplink':
      return words('link', 'plain', event.path === undefined ? 'Uplink' : path, event.reason);
    case 'session':
      return words('session', event.to === 'established' ? 'good' : 'plain', 'Tunnel session', event.reason);
    case 'policy':
      return words(
        'policy',
        policyTone(event.reason),
        event.version === undefined ? 'Policy' : `Policy v${event.version}`,
        event.reason,
      );
    case 'agent':
      return words('info', 'plain', 'Agent', event.reason);
    case 'warning':
      return words('warn', 'warn', 'Warning', event.reason);
    // Of a gateway that is newer than this page.
    default:
      return words('info', 'plain', String(event.type), event.reason);
  }
}

function words(icon: IconName, tone: EventWords['tone'], title: string, detail: string): EventWords {
  return { icon, tone, title, detail };
}

function names(value: VehicleEvent['from'], titleOf: (path: string) => string): string {
  const list = value === undefined ? [] : typeof value === 'string' ? [value] : value;
  return list.length === 0 ? 'none' : list.map(titleOf).join(' + ');
}

function text(value: VehicleEvent['from']): string {
  return value === undefined ? '?' : typeof value === 'string' ? value : value.join(' + ');
}

function withReplays({ reason, replayed }: VehicleEvent): string {
  if (replayed === undefined || replayed === 0) return reason;
  return `${reason}${reason === '' ? '' : '; '}${replayed} ${replayed === 1 ? 'packet' : 'packets'} sent again`;
}

function effectDetail(event: VehicleEvent): string {
  const felt = feltWords(event);
  return felt === '' ? event.reason : `${event.reason}: ${felt}`;
}

function protectionDetail(event: VehicleEvent, titleOf: (path: string) => string): string {
  const often = event.changes !== undefined && event.changes > 1 ? `; changed ${event.changes} times` : '';
  return `${names(event.to, titleOf)}: ${event.reason}${often}`;
}

function toneOf(state: VehicleEvent['to']): EventWords['tone'] {
  if (state === 'up') return 'good';
  return state === 'down' ? 'bad' : 'warn';
}

function policyTone(reason: string): EventWords['tone'] {
  return /reject|refus|revert/i.test(reason) ? 'bad' : 'plain';
}
