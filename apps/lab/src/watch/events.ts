/** Events of the tunnel as one line for people. */
import type { EngineEvent } from '@corridor/tunnel';
import type { HostEvent } from '@corridor/tunnel-host';
import type { EventView } from './view.js';

/** Answers undefined for what is not worth a line on the screen. */
export function describeEvent(event: HostEvent, elapsedMs: number): EventView | undefined {
  const line = (tone: EventView['tone'], text: string): EventView => ({ atMs: elapsedMs, tone, text });
  switch (event.type) {
    case 'session':
      return line(
        event.state === 'established' || event.state === 'rekeyed' ? 'good' : 'bad',
        `session ${event.state}${because(event.reason)}`,
      );
    case 'path-state': {
      // Suspicion comes and goes within milliseconds; the switch that it causes has a line of its own.
      if (event.to === 'suspect' || (event.from === 'suspect' && event.to === 'up')) return undefined;
      const tone = event.to === 'up' ? 'good' : event.to === 'down' ? 'bad' : 'info';
      return line(tone, `${event.path} ${event.from} → ${event.to}${because(event.reason)}`);
    }
    case 'path-added':
      return line('info', `${event.path} found`);
    case 'path-removed':
      return line('bad', `${event.path} gone`);
    case 'path-moved':
      return line('info', `${event.path} moved from ${event.from} to ${event.to}`);
    case 'path-switch':
      return describeSwitch(event, line);
    case 'uplink':
      return line(event.state === 'gone' ? 'bad' : 'info', `${event.uplink} ${event.state}${because(event.reason)}`);
    case 'warning':
      return line('bad', event.reason);
    case 'policy':
      return line(
        event.outcome === 'rejected' ? 'bad' : 'info',
        `policy ${event.version} ${event.outcome}${because(event.reason)}`,
      );
    default:
      return undefined;
  }
}

function describeSwitch(
  event: Extract<EngineEvent, { type: 'path-switch' }>,
  line: (tone: EventView['tone'], text: string) => EventView,
): EventView | undefined {
  const subject = event.trafficClass === 'default' ? 'web' : event.trafficClass;
  if (event.to.length === 0) return { ...line('bad', `no path left${because(event.reason)}`), subject };
  const same = event.from.length === event.to.length && event.from.every((name) => event.to.includes(name));
  if (event.from.length === 0 || same) return undefined;
  const replayed = event.replayed > 0 ? `, ${event.replayed} packet${event.replayed === 1 ? '' : 's'} sent again` : '';
  const text = `${event.from.join('+')} → ${event.to.join('+')}${replayed}${because(event.reason)}`;
  return { ...line('switch', text), subject };
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}

/** Events of one moment, milliseconds. */
const TOGETHER_MS = 20;

/**
 * Puts `event` in front of `events` (newest first); classes that make the same switch for the same reason at the same
 * moment share a line.
 */
export function addEvent(events: EventView[], event: EventView): void {
  const twin = events.findIndex(
    ({ atMs, subject, text }) => subject !== undefined && text === event.text && event.atMs - atMs < TOGETHER_MS,
  );
  if (twin >= 0 && event.subject !== undefined) {
    const other = events[twin] as EventView;
    events[twin] = { ...other, subject: `${other.subject}, ${event.subject}` };
  } else events.unshift(event);
}

/** The whole line. */
export function eventText({ subject, text }: EventView): string {
  return subject === undefined ? text : `${subject} ${text}`;
}
