/** One vehicle on the screen: its way, its links, what its applications feel, its last switches. */
import { vehicleName } from '@corridor/sim';
import { clock, count, milliseconds, pathsText, percent, rate, scaleTop, sparkline } from './format.js';
import { fit, type Line, padStart, type Span, type Style, span, spread } from './text.js';
import type { AppView, FlowView, LinkView, VehicleView, WebView } from './view.js';

/** From this width on there is room for all columns. */
export const WIDE = 104;

/** Rows of a vehicle: title, column heads, links, applications, and what is left of `rows` for events. */
export function vehicleLines(vehicle: VehicleView, columns: number, rows: number): Line[] {
  const lines = [titleLine(vehicle, columns), ...linkLines(vehicle, columns)];
  const spread = vehicle.links.length + 1 + vehicle.apps.length + 2 <= rows;
  if (spread) lines.splice(1, 0, headLine(columns));
  if (spread) for (const app of vehicle.apps) lines.push(appLine(app, columns));
  else lines.push(appsInOneLine(vehicle.apps, columns));
  for (const event of vehicle.events.slice(0, Math.max(0, rows - lines.length))) {
    const tone: Style = { good: 'good', bad: 'bad', switch: 'accent', info: 'plain' }[event.tone] as Style;
    lines.push(
      fit(
        [
          span(`    ${clock(event.atMs)} `, 'dim'),
          span(event.subject === undefined ? '' : `${event.subject} `, 'bold'),
          span(event.text, tone),
        ],
        columns,
      ),
    );
  }
  while (lines.length < rows) lines.push(fit([], columns));
  return lines.slice(0, rows);
}

function titleLine(vehicle: VehicleView, columns: number): Line {
  const { place } = vehicle;
  const track = columns >= WIDE ? 48 : 24;
  const at = Math.round(Math.min(1, Math.max(0, place.progress)) * (track - 1));
  // The lap as a map of one line: bars are the reception of the best operator there, the diamond is the vehicle.
  const strip = [...sparkline(resample(place.coverage, track), track, 1)];
  const left: Line = [
    span(` ${vehicleName(vehicle.number)} `, 'bold'),
    span(strip.slice(0, at).join(''), 'accent'),
    span('◆', 'bold'),
    span(strip.slice(at + 1).join(''), 'calm'),
    span(' '),
    span(place.name),
    span(Number.isFinite(place.speedKmh) ? ` ${place.speedKmh.toFixed(0)} km/h` : '', 'dim'),
  ];
  return spread(left, sessionSpans(vehicle), columns);
}

/** The smallest value in each of `cells` equal parts of `values`. */
function resample(values: readonly number[], cells: number): number[] {
  return Array.from({ length: cells }, (_, cell) => {
    const from = Math.floor((cell * values.length) / cells);
    const part = values.slice(from, Math.max(from + 1, Math.floor(((cell + 1) * values.length) / cells)));
    return Math.min(...part);
  });
}

function sessionSpans(vehicle: VehicleView): Line {
  if (vehicle.session === 'established') {
    return [span('● ', 'good'), span('session '), span(`${clock(vehicle.sessionMs)} `, 'dim')];
  }
  return vehicle.session === 'handshaking'
    ? [span('◐ ', 'warn'), span('shaking hands ', 'warn')]
    : [span('✕ ', 'bad'), span('no session ', 'bad')];
}

/** Widths of the columns of figures, sparkline cells included; 0 leaves the sparkline out. */
function layout(columns: number) {
  if (columns >= WIDE) {
    const bars = Math.min(18, Math.floor((columns - 62) / 4));
    return { name: 15, state: 11, rtt: bars, loss: Math.max(4, bars - 3), up: bars, down: bars - 2 };
  }
  return { name: 13, state: 9, rtt: 8, loss: 0, up: 8, down: 0 };
}

function headLine(columns: number): Line {
  const cells = layout(columns);
  const column = (title: string, value: number, bars: number) =>
    fit([span(padStart(title, value), 'dim')], value + bars + 2);
  return fit(
    [
      span('      '),
      ...fit([span('link', 'dim')], cells.name),
      ...fit([span('state', 'dim')], cells.state),
      ...column('round trip', 10, cells.rtt - 3),
      ...column('loss', 6, cells.loss),
      ...column('↑ bit/s', 7, cells.up - 1),
      ...column('↓ bit/s', 7, cells.down - 1),
    ],
    columns,
  );
}

function linkLines(vehicle: VehicleView, columns: number): Line[] {
  const cells = layout(columns);
  // One scale for all links of a vehicle, so that their bars can be compared.
  const rttTop = scaleTop(
    vehicle.links.flatMap((link) => link.rttHistory.slice(-cells.rtt)),
    50,
  );
  const rateTop = scaleTop(
    vehicle.links.flatMap((link) => [...link.upHistory.slice(-cells.up), ...link.downHistory.slice(-cells.up)]),
    1e6,
  );
  return vehicle.links.map((link) => linkLine(link, columns, rttTop, rateTop));
}

function linkLine(link: LinkView, columns: number, rttTop: number, rateTop: number): Line {
  const cells = layout(columns);
  const active = link.carries.length > 0;
  const start: Span[] = [
    span(`  ${link.key} `, 'bold'),
    span(active ? '▶ ' : '  ', 'accent'),
    ...fit([span(link.name, active ? 'bold' : 'plain'), span(` ${link.operator}`, 'dim')], cells.name - 1),
    span(' '),
    ...fit(stateSpans(link), cells.state),
  ];
  const silent = link.state === 'down' || link.state === 'absent';
  if (silent || link.cut) {
    const why = link.cut ? `cut at the keyboard, ${link.key} restores it` : link.reason;
    return fit([...start, span(`  ${why}`, 'dim'), span(` ${clock(link.stateMs)}`, 'dim')], columns);
  }
  const rtt: Style = link.rttMs > 150 ? 'warn' : 'plain';
  const loss: Style = link.lossRatio > 0.05 ? 'bad' : link.lossRatio > 0.005 ? 'warn' : 'plain';
  return fit(
    [
      ...start,
      ...figure(milliseconds(link.rttMs), 7, link.rttHistory, cells.rtt, rttTop, rtt, 'good'),
      ...figure(percent(link.lossRatio), 6, link.lossHistory, cells.loss, 0.2, loss, 'bad'),
      ...figure(rate(link.upBps), 6, link.upHistory, cells.up, rateTop, 'plain', 'accent'),
      ...figure(rate(link.downBps), 6, link.downHistory, cells.down, rateTop, 'plain', 'accent'),
    ],
    columns,
  );
}

function figure(
  value: string,
  valueCells: number,
  history: readonly number[],
  bars: number,
  top: number,
  style: Style,
  barStyle: Style,
): Span[] {
  return [
    span(padStart(value, valueCells), style),
    span(' '),
    span(bars > 0 ? sparkline(history, bars, top) : '', barStyle),
    span(' '),
  ];
}

function stateSpans(link: LinkView): Span[] {
  if (link.cut) return [span('✕ ', 'bad'), span('cut', 'bad')];
  switch (link.state) {
    case 'up':
      return [span('● ', 'good'), span('up', 'good')];
    case 'suspect':
      return [span('◐ ', 'warn'), span('suspect', 'warn')];
    case 'gated':
      return [span('○ ', 'warn'), span('gated', 'warn')];
    case 'down':
      return [span('✕ ', 'bad'), span('down', 'bad')];
    default:
      return [span('· ', 'dim'), span('absent', 'dim')];
  }
}

function appLine(app: AppView, columns: number): Line {
  const wide = columns >= WIDE;
  const head: Span[] = [span('    '), ...fit([span(app.name, 'bold')], 7), ...fit(pathSpans(app), wide ? 20 : 14)];
  const feel = app.kind === 'flow' ? flowSpans(app, wide) : webSpans(app, wide);
  return spread([...head, ...feel], [span(`${app.strategy} `, 'dim')], columns);
}

function pathSpans(app: AppView): Span[] {
  if (app.paths.length === 0) return [span('no path', 'bad')];
  return [span('▶ ', 'accent'), span(pathsText(app))];
}

function flowSpans(app: FlowView, wide: boolean): Span[] {
  return [
    span(padStart(milliseconds(app.delayMs), 7), delayStyle(app.delayMs)),
    span(' '),
    span(sparkline(app.delayHistory, wide ? 16 : 8, scaleTop(app.delayHistory, 50)), 'good'),
    span('  longest gap ', 'dim'),
    span(padStart(milliseconds(app.longestGapMs), 6), app.longestGapMs > 500 ? 'warn' : 'plain'),
    span(wide ? '   lost ' : ' lost ', 'dim'),
    span(count(app.lost), app.lost > 0 ? 'warn' : 'good'),
    span(wide ? ` of ${count(app.sent)}` : '', 'dim'),
  ];
}

function webSpans(app: WebView, wide: boolean): Span[] {
  return [
    span(padStart(milliseconds(app.lastMs), 7), delayStyle(app.lastMs / 5)),
    span(' '),
    span(sparkline(app.history, wide ? 16 : 8, scaleTop(app.history, 500)), 'good'),
    span('  page median ', 'dim'),
    span(padStart(milliseconds(app.medianMs), 6)),
    span(wide ? '   95 % ' : ' 95 % ', 'dim'),
    span(milliseconds(app.p95Ms)),
    span(wide ? `   ${count(app.pages)} pages` : '', 'dim'),
    span(app.failed > 0 ? `, ${count(app.failed)} failed` : '', 'bad'),
  ];
}

function delayStyle(ms: number): Style {
  return ms > 400 ? 'bad' : ms > 150 ? 'warn' : 'plain';
}

/** All applications in one row, for short terminals. */
function appsInOneLine(apps: readonly AppView[], columns: number): Line {
  const parts: Span[] = [span('   ')];
  for (const app of apps) {
    parts.push(span(` ${app.name} `, 'bold'), span(app.paths[0] ?? 'no path', app.paths.length > 0 ? 'accent' : 'bad'));
    const now = app.kind === 'flow' ? app.delayMs : app.lastMs;
    parts.push(span(` ${milliseconds(now)}`, delayStyle(app.kind === 'flow' ? now : now / 5)));
    if (app.kind === 'flow') {
      parts.push(span(' gap ', 'dim'), span(milliseconds(app.longestGapMs)));
      if (app.lost > 0) parts.push(span(` −${count(app.lost)}`, 'warn'));
    }
    parts.push(span(' '));
  }
  return fit(parts, columns);
}
