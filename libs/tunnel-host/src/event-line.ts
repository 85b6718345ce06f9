import { effectText, protectionText, switchText } from './decision-text.js';
import type { LogLevel } from './log.js';
import type { HostEvent } from './status.js';

/** How loud an event is. */
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
      return `session ${event.state}: ${event.reason}`;
    case 'path-state':
      return `path ${event.path} ${event.from} -> ${event.to}: ${event.reason}`;
    case 'path-added':
      return `path ${event.path} added`;
    case 'path-removed':
      return `path ${event.path} removed`;
    case 'path-moved':
      return `path ${event.path} moved from ${event.from} to ${event.to}`;
    case 'path-switch':
      return switchText(event);
    case 'protection':
      return protectionText(event);
    case 'path-switch-effect':
      return effectText(event);
    case 'policy':
      return `policy ${event.version} ${event.outcome}${event.reason === '' ? '' : `: ${event.reason}`}`;
    case 'uplink':
      return `uplink ${event.uplink} ${event.state}: ${event.reason}`;
    case 'warning':
      return event.reason;
  }
}

/** The same with the peer before it, where it is about one: for a process that may have several. */
export function peerSentence(event: HostEvent): string {
  return 'peer' in event ? `${event.peer}: ${eventSentence(event)}` : eventSentence(event);
}
