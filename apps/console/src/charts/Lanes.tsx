import type { RecordedEvent } from '@corridor/contracts';
import { type KeyboardEvent, type PointerEvent, useMemo, useRef } from 'react';
import { clockTime, utcTime } from '../format/time.js';
import { formatDelay, formatLoss, formatRate } from '../format/units.js';
import { pathTone } from '../ui/status.js';
import { useCursor, useCursorAtS } from './cursor.js';
import { type History, indexAt, type LinkHistory } from './history.js';
import { type LaneSegment, laneSegments, timeTicks } from './lane-layout.js';
import { useWidth } from './use-width.js';

const LANE = 30;
const BAR = 14;

interface Props {
  readonly history: History;
  readonly toS: number;
  readonly titleOf: (name: string) => string;
  /** Switches are drawn between the lanes they left and reached. */
  readonly events: readonly RecordedEvent[];
}

/** One lane a link: its state as colour, thick where it carried traffic, and every switch between them. */
export function Lanes({ history, toS, titleOf, events }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const width = useWidth(holder);
  const cursor = useCursor();
  const cursorS = useCursorAtS();
  const fromS = toS - history.rangeS;
  const x = (atS: number) => ((atS - fromS) / history.rangeS) * width;
  const height = history.links.length * LANE;
  const lanes = useMemo(
    () => history.links.map((link) => ({ link, segments: laneSegments(link, history.stepS) })),
    [history],
  );

  const pointTo = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    cursor.set(fromS + ((event.clientX - box.left) / box.width) * history.rangeS);
  };
  const step = (event: KeyboardEvent) => {
    const by = (event.shiftKey ? 20 : 2) * history.stepS;
    const at = cursor.atS ?? toS;
    if (event.key === 'ArrowLeft') cursor.set(Math.max(fromS, at - by));
    else if (event.key === 'ArrowRight') cursor.set(Math.min(toS, at + by));
    else if (event.key === 'Escape') cursor.set(null);
    else return;
    event.preventDefault();
  };

  return (
    <div className="lanes">
      <div className="lanes-names" aria-hidden="true">
        {history.links.map(({ name }) => (
          <div key={name} className="lanes-name" style={{ height: LANE }} title={name}>
            {titleOf(name)}
          </div>
        ))}
      </div>
      <div
        className="lanes-plot"
        ref={holder}
        tabIndex={0}
        role="slider"
        aria-label="Links over time. Arrow keys move through time."
        aria-valuemin={Math.round(fromS)}
        aria-valuemax={Math.round(toS)}
        aria-valuenow={Math.round(cursorS ?? toS)}
        aria-valuetext={spoken(history, cursorS ?? toS, titleOf)}
        onPointerMove={pointTo}
        onPointerDown={pointTo}
        onPointerLeave={() => cursor.set(null)}
        onKeyDown={step}
        onBlur={() => cursor.set(null)}
      >
        {width > 0 && (
          <svg width={width} height={height + 20} aria-hidden="true">
            <defs>
              <pattern id="gated" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="6" height="6" className="lane-gated-back" />
                <rect width="2.5" height="6" className="lane-gated-front" />
              </pattern>
            </defs>
            <Axis fromS={fromS} toS={toS} x={x} height={height} width={width} />
            {lanes.map(({ link, segments }, row) => (
              <g key={link.name} transform={`translate(0 ${row * LANE})`}>
                <line x1="0" x2={width} y1={LANE / 2} y2={LANE / 2} className="lane-none" />
                {segments.map((segment) => (
                  <Segment key={`${segment.fromS} ${segment.state}`} segment={segment} x={x} width={width} />
                ))}
              </g>
            ))}
            <Switches events={events} history={history} fromS={fromS} x={x} />
            {cursorS !== null && <line className="lane-cursor" x1={x(cursorS)} x2={x(cursorS)} y1="0" y2={height} />}
          </svg>
        )}
        {cursorS !== null && width > 0 && (
          <Readout history={history} atS={cursorS} left={x(cursorS)} width={width} titleOf={titleOf} />
        )}
      </div>
    </div>
  );
}

function Segment({
  segment,
  x,
  width,
}: {
  readonly segment: LaneSegment;
  readonly x: (atS: number) => number;
  readonly width: number;
}) {
  const left = Math.max(0, x(segment.fromS));
  const right = Math.min(width, x(segment.toS));
  if (right <= left) return null;
  const thickness = segment.active ? BAR + 4 : segment.state === 'down' ? 4 : BAR - 6;
  const tone = pathTone(segment.state);
  return (
    <rect
      x={left}
      y={(LANE - thickness) / 2}
      width={Math.max(1, right - left)}
      height={thickness}
      rx={Math.min(3, (right - left) / 2)}
      className={`lane lane-${tone}${segment.active ? ' lane-active' : ''}`}
    />
  );
}

function Axis({
  fromS,
  toS,
  x,
  height,
  width,
}: {
  readonly fromS: number;
  readonly toS: number;
  readonly x: (atS: number) => number;
  readonly height: number;
  readonly width: number;
}) {
  const offset = -new Date(toS * 1000).getTimezoneOffset() * 60;
  const ticks = timeTicks(fromS, toS, Math.max(2, Math.floor(width / 90)), offset);
  return (
    <g className="lane-axis">
      {ticks.map((at) => (
        <g key={at}>
          <line x1={x(at)} x2={x(at)} y1="0" y2={height} />
          <text x={Math.max(18, Math.min(width - 18, x(at)))} y={height + 15} textAnchor="middle">
            {toS - fromS > 600 ? clockTime(new Date(at * 1000)).slice(0, 5) : clockTime(new Date(at * 1000))}
          </text>
        </g>
      ))}
    </g>
  );
}

function Switches({
  events,
  history,
  fromS,
  x,
}: {
  readonly events: readonly RecordedEvent[];
  readonly history: History;
  readonly fromS: number;
  readonly x: (atS: number) => number;
}) {
  const row = (path: string | undefined) => history.links.findIndex(({ name }) => name === path);
  return (
    <g className="lane-switches">
      {events.map(({ id, at, event }) => {
        const atS = Date.parse(at) / 1000;
        const from = row(first(event.from));
        const to = row(first(event.to));
        if (event.type !== 'path-switch' || from < 0 || to < 0 || from === to || atS < fromS) return null;
        const y = (index: number) => index * LANE + LANE / 2;
        const tip = to > from ? -5 : 5;
        return (
          <g key={id}>
            <line x1={x(atS)} x2={x(atS)} y1={y(from)} y2={y(to) + tip} />
            <path d={`M${x(atS) - 4} ${y(to) + tip}h8l-4 ${-tip}z`} />
          </g>
        );
      })}
    </g>
  );
}

export function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0];
}

function figuresAt(link: LinkHistory, atS: number, stepS: number) {
  const at = indexAt(link, atS, stepS);
  if (at === undefined || link.state[at] === null) return null;
  return {
    state: link.state[at] as string,
    active: (link.active[at] ?? 0) >= 0.5,
    delay: formatDelay(link.rttUs[at]),
    loss: `${formatLoss(link.upLoss[at])} / ${formatLoss(link.downLoss[at])}`,
    rate: `${formatRate(link.upBps[at])} / ${formatRate(link.downBps[at])}`,
  };
}

function spoken(history: History, atS: number, titleOf: (name: string) => string): string {
  const parts = history.links.map((link) => {
    const figures = figuresAt(link, atS, history.stepS);
    if (figures === null) return `${titleOf(link.name)}: not known`;
    return `${titleOf(link.name)}: ${figures.state}${figures.active ? ', carries traffic' : ''}, delay ${figures.delay}, loss ${figures.loss}`;
  });
  return `${clockTime(new Date(atS * 1000))}. ${parts.join('. ')}`;
}

function Readout({
  history,
  atS,
  left,
  width,
  titleOf,
}: {
  readonly history: History;
  readonly atS: number;
  readonly left: number;
  readonly width: number;
  readonly titleOf: (name: string) => string;
}) {
  const isRight = left > width / 2;
  const at = new Date(atS * 1000);
  return (
    <div className="readout" style={isRight ? { right: width - left + 12 } : { left: left + 12 }} aria-hidden="true">
      <p title={utcTime(at)}>{clockTime(at)}</p>
      <table>
        <thead>
          <tr>
            <th>Link</th>
            <th>State</th>
            <th>Delay</th>
            <th>Loss ↑ / ↓</th>
            <th>Rate ↑ / ↓</th>
          </tr>
        </thead>
        <tbody>
          {history.links.map((link) => {
            const figures = figuresAt(link, atS, history.stepS);
            return (
              <tr key={link.name} className={figures?.active ? 'readout-active' : undefined}>
                <td>{titleOf(link.name)}</td>
                <td>{figures === null ? 'not known' : figures.active ? `${figures.state}, active` : figures.state}</td>
                <td>{figures?.delay ?? '–'}</td>
                <td>{figures?.loss ?? '–'}</td>
                <td>{figures?.rate ?? '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
