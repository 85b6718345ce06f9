import { effectText, type HostEvent, protectionText, switchText } from '@corridor/tunnel-host';
import type { LogLevel } from './log.js';

/** An event of the tunnel as a line for people: what happened, and why; and how loud. */
export function eventLine(event: HostEvent): { level: LogLevel; sentence: string } {
  switch (event.type) {
    case 'session': {
      const level = event.state === 'rekeyed' ? 'debug' : event.state === 'lost' ? 'warn' : 'info';
      return { level, sentence: `session ${event.state}: ${event.reason}` };
    }
    case 'path-state': {
      const sentence = `path ${event.path} ${event.from} -> ${event.to}: ${event.reason}`;
      return { level: event.to === 'down' ? 'warn' : 'info', sentence };
    }
    case 'path-added':
    case 'path-removed':
      return { level: 'debug', sentence: `path ${event.path} ${event.type === 'path-added' ? 'added' : 'removed'}` };
    case 'path-moved':
      return { level: 'info', sentence: `path ${event.path} moved from ${event.from} to ${event.to}` };
    case 'path-switch':
      return { level: 'info', sentence: switchText(event) };
    case 'protection':
      return { level: 'info', sentence: protectionText(event) };
    case 'path-switch-effect':
      return { level: 'info', sentence: effectText(event) };
    case 'policy': {
      const why = event.reason === '' ? '' : `: ${event.reason}`;
      const sentence = `policy ${event.version} ${event.outcome} by the tunnel's other end${why}`;
      return { level: event.outcome === 'rejected' ? 'warn' : 'debug', sentence };
    }
    case 'uplink':
      return { level: 'info', sentence: `uplink ${event.uplink} ${event.state}: ${event.reason}` };
    case 'warning':
      return { level: 'warn', sentence: event.reason };
  }
}
