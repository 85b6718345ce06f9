import { effectText, type HostEvent, protectionText, switchText } from '@corridor/tunnel-host';
import type { LOG_LEVELS } from './config/schema.js';

export type LogLevel = (typeof LOG_LEVELS)[number];
type Fields = Readonly<Record<string, unknown>>;

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One line an entry on standard error: for people on a terminal, JSON everywhere else. */
export class Log {
  readonly #least: number;
  readonly #human: boolean;
  readonly #write: (line: string) => void;

  constructor(level: LogLevel, human: boolean, write: (line: string) => void = (line) => process.stderr.write(line)) {
    this.#least = RANK[level];
    this.#human = human;
    this.#write = write;
  }

  entry(level: LogLevel, message: string, fields: Fields = {}): void {
    if (RANK[level] < this.#least) return;
    const time = new Date().toISOString();
    const text = this.#human
      ? `${time.slice(11, 19)} ${level === 'info' ? '' : `${level}: `}${message}`
      : JSON.stringify({ time, level, message, ...fields });
    this.#write(`${text}\n`);
  }

  event(event: HostEvent): void {
    this.entry(eventLevel(event), eventSentence(event), { ...event });
  }
}

export function eventLevel(event: HostEvent): LogLevel {
  switch (event.type) {
    case 'warning':
      return 'warn';
    case 'session':
      if (event.state === 'rekeyed') return 'debug';
      return event.state === 'lost' ? 'warn' : 'info';
    case 'path-state':
      return event.to === 'down' ? 'warn' : 'info';
    case 'policy':
      return event.outcome === 'rejected' ? 'warn' : 'info';
    case 'path-added':
    case 'path-removed':
      return 'debug';
    default:
      return 'info';
  }
}

/** An event as a line for people: what happened, and why. */
export function eventSentence(event: HostEvent): string {
  switch (event.type) {
    case 'session':
      return `${event.peer}: session ${event.state}: ${event.reason}`;
    case 'path-state':
      return `${event.peer}: path ${event.path} ${event.from} -> ${event.to}: ${event.reason}`;
    case 'path-added':
      return `${event.peer}: path ${event.path} added`;
    case 'path-removed':
      return `${event.peer}: path ${event.path} removed`;
    case 'path-moved':
      return `${event.peer}: path ${event.path} moved from ${event.from} to ${event.to}`;
    case 'path-switch':
      return `${event.peer}: ${switchText(event)}`;
    case 'protection':
      return `${event.peer}: ${protectionText(event)}`;
    case 'path-switch-effect':
      return `${event.peer}: ${effectText(event)}`;
    case 'policy':
      return `${event.peer}: policy ${event.version} ${event.outcome}${event.reason === '' ? '' : `: ${event.reason}`}`;
    case 'uplink':
      return `uplink ${event.uplink} ${event.state}: ${event.reason}`;
    case 'warning':
      return event.reason;
  }
}
