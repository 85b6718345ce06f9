/** The demo without a terminal: state changes as they happen, and a line of figures a vehicle every few seconds. */
import { vehicleName } from '@corridor/sim';
import { eventText } from './events.js';
import { clock, count, milliseconds, pathsText, percent, rate } from './format.js';
import type { AppView, EventView, LinkView, VehicleView, WatchView } from './view.js';

export function eventLine(vehicle: number, event: EventView): string {
  return `${clock(event.atMs)} ${vehicleName(vehicle)} ${eventText(event)}`;
}

/** Lines of all vehicles for what happened after `fromMs` and not after `untilMs`, in order of time. */
export function newEvents(view: WatchView, fromMs: number, untilMs: number): string[] {
  return view.vehicles
    .flatMap(({ number, events }) => events.map((event) => ({ number, event })))
    .filter(({ event }) => event.atMs > fromMs && event.atMs <= untilMs)
    .sort((a, b) => a.event.atMs - b.event.atMs)
    .map(({ number, event }) => eventLine(number, event));
}

export function figuresLine(vehicle: VehicleView, elapsedMs: number): string {
  const session = vehicle.session === 'established' ? '' : ` session ${vehicle.session};`;
  const apps = vehicle.apps.map(appText).join('; ');
  const links = vehicle.links.map(linkText).join('; ');
  return `${clock(elapsedMs)} ${vehicleName(vehicle.number)}${session} ${apps} | ${links}`;
}

function appText(app: AppView): string {
  const via = app.paths.length === 0 ? 'no path' : pathsText(app);
  if (app.kind === 'web') {
    return `${app.name} via ${via} ${milliseconds(app.lastMs)} a page, ${count(app.pages)} page${app.pages === 1 ? '' : 's'}, ${count(app.failed)} failed`;
  }
  const gap = milliseconds(app.longestGapMs);
  return `${app.name} via ${via} ${milliseconds(app.delayMs)}, longest gap ${gap}, lost ${count(app.lost)}`;
}

function linkText(link: LinkView): string {
  const cut = link.cut ? ' (cut)' : '';
  if (link.state !== 'up' && link.state !== 'suspect') return `${link.name} ${link.state}${cut}`;
  const figures = `${milliseconds(link.rttMs)} ${percent(link.lossRatio)} ↑${rate(link.upBps)} ↓${rate(link.downBps)}`;
  return `${link.name} ${link.state}${cut} ${figures}`;
}
