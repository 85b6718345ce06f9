/** The whole screen: a pure function from what is known to the text of every row. */
import { clock } from './format.js';
import { type ColourDepth, fit, type Line, paint, type Span, span, spread } from './text.js';
import { vehicleLines, WIDE } from './vehicle.js';
import type { WatchView } from './view.js';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** One string a row, exactly `size.rows` of them, each `size.columns` cells wide. */
export function screen(view: WatchView, size: ScreenSize, depth: ColourDepth): string[] {
  const columns = Math.max(40, size.columns);
  const lines: Line[] = [headLine(view, columns), fit([span(` ${view.statusCommand}`, 'dim')], columns)];
  const body = Math.max(0, size.rows - 3);
  if (view.help) lines.push(...helpLines(columns));
  else if (view.phase !== undefined && view.vehicles.length === 0)
    lines.push(fit([], columns), phaseLine(view, columns));
  else lines.push(...vehiclesIn(view, columns, body));
  const padded = [...lines.slice(0, size.rows - 1)];
  while (padded.length < size.rows - 1) padded.push(fit([], columns));
  padded.push(footLine(view, columns));
  return padded.map((line) => paint(fit(line, columns), depth));
}

function headLine(view: WatchView, columns: number): Line {
  const { state, sessions } = view.gateway;
  const gateway: Span[] =
    state === 'up'
      ? [span('● ', 'good'), span(`gateway, ${sessions} session${sessions === 1 ? '' : 's'} `)]
      : [span(state === 'restarting' ? '◐ ' : '✕ ', 'warn'), span(`gateway ${state} `, 'warn')];
  const left = [
    span(' Corridor lab ', 'bold'),
    span(` ${view.phase ?? 'on a drive'}  ${clock(view.elapsedMs)}`, 'dim'),
  ];
  return spread(left, view.phase === undefined ? gateway : [], columns);
}

function phaseLine(view: WatchView, columns: number): Line {
  return fit([span(`   ${view.phase} …`, 'accent')], columns);
}

/** Every vehicle gets the same number of rows, with a rule above it; those that do not fit are counted at the end. */
function vehiclesIn(view: WatchView, columns: number, rows: number): Line[] {
  const least = 6;
  const shown = Math.max(1, Math.min(view.vehicles.length, Math.floor(rows / least)));
  const each = Math.floor(rows / shown);
  const ruled = each > least;
  const lines: Line[] = [];
  for (const vehicle of view.vehicles.slice(0, shown)) {
    if (ruled) lines.push([span('─'.repeat(columns), 'dim')]);
    lines.push(...vehicleLines(vehicle, columns, each - (ruled ? 1 : 0)));
  }
  const hidden = view.vehicles.length - shown;
  if (hidden > 0) lines.splice(-1, 1, fit([span(`   ${hidden} more: make the window taller`, 'dim')], columns));
  return lines;
}

const KEYS: readonly [string, string][] = [
  ['1-9', 'cut that link in silence (its interface stays up), or restore it'],
  ['a', 'cut the link that carries the video of each vehicle'],
  ['r', 'restore all links'],
  ['s', 'next strategy for video and web, switched at run time'],
  ['g', 'kill the gateway and start it again'],
  ['?', 'this page, on and off'],
  ['q', 'quit (as does Ctrl-C): everything that was started ends'],
];

const SIGNS: readonly [string, string][] = [
  ['● up', 'carries traffic, or is ready to'],
  ['◐ suspect', 'silent for longer than its round trip explains; others take over'],
  ['○ gated', 'answers again, and proves itself before it is used'],
  ['✕ down', 'silent; probed until it answers'],
  ['◆', 'the vehicle on its lap; bars: reception of the best operator'],
  ['▶', 'the first choice of at least one kind of traffic'],
  ['round trip', 'measured by the tunnel; bars of one vehicle share one scale'],
  ['longest gap', 'longest silence that the hospital noticed since the start'],
  ['lost', 'packets that never reached the hospital'],
];

function helpLines(columns: number): Line[] {
  const rows = (entries: readonly [string, string][], cells: number) =>
    entries.map(([key, text]) => fit([span('   '), ...fit([span(key, 'bold')], cells), span(text)], columns));
  const blank = fit([], columns);
  return [
    blank,
    fit([span('   Ambulances drive through a city, each with three mobile operators. Vitals,')], columns),
    fit([span('   video and web requests go to a hospital through one tunnel. Cut some links.')], columns),
    blank,
    ...rows(KEYS, 13),
    blank,
    ...rows(SIGNS, 13),
  ];
}

function footLine(view: WatchView, columns: number): Line {
  if (view.notice !== undefined) return fit([span(` ${view.notice}`, 'accent')], columns);
  const keys: [string, string][] =
    columns >= WIDE
      ? [
          ['1-9', 'cut or restore a link'],
          ['a', 'cut the active ones'],
          ['r', 'restore all'],
          ['s', 'strategy'],
          ['g', 'restart gateway'],
          ['?', 'help'],
          ['q', 'quit'],
        ]
      : [
          ['1-9', 'cut'],
          ['a', 'active'],
          ['r', 'restore all'],
          ['s', 'strategy'],
          ['g', 'gateway'],
          ['?', 'help'],
          ['q', 'quit'],
        ];
  return fit(
    keys.flatMap(([key, what]) => [span(` ${key}`, 'bold'), span(` ${what} `, 'dim')]),
    columns,
  );
}
