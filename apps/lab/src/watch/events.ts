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
  if (event.to.length === 0) return line('bad', `${event.trafficClass}: no path left${because(event.reason)}`);
  if (event.from.length === 0) return undefined;
  // With one path in use, only its change is a switch; the order of retreat behind it changes all the time.
  const single = event.from[0] !== event.to[0];
  const from = single ? (event.from[0] as string) : event.from.join('+');
  const to = single ? (event.to[0] as string) : event.to.join('+');
  if (from === to) return undefined;
  const replayed = event.replayed > 0 ? `, ${event.replayed} packet${event.replayed === 1 ? '' : 's'} sent again` : '';
  return line('switch', `${event.trafficClass}: ${from} → ${to}${because(event.reason)}${replayed}`);
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}
