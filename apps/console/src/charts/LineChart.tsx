import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { token, useIsDark } from '../app/theme.js';
import { useCursor } from './cursor.js';
import { useWidth } from './use-width.js';

type Column = readonly (number | null)[];

interface Props {
  /** Read instead of the picture. */
  readonly label: string;
  readonly atS: readonly number[];
  /** A column and the token of its colour. */
  readonly lines: readonly { readonly values: Column; readonly colour: string }[];
  readonly fromS: number;
  readonly toS: number;
  readonly top: number;
  readonly format: (value: number) => string;
}

const HEIGHT = 96;

/** One small chart. It draws; what the figures mean is said beside it. */
export function LineChart({ label, atS, lines, fromS, toS, top, format }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const cursor = useCursor();
  const isDark = useIsDark();
  const width = useWidth(holder);
  const scale = useRef({ fromS, toS, top });
  scale.current = { fromS, toS, top };
  const data = [atS, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const colours = lines.map(({ colour }) => colour).join(' ');

  // biome-ignore lint/correctness/useExhaustiveDependencies: the plot is made anew for another theme, its data follow below
  useEffect(() => {
    if (holder.current === null || width === 0) return;
    const made = new uPlot(
      options(width, scale, colours.split(' '), format, (at) => cursor.set(at)),
      latest.current,
      holder.current,
    );
    plot.current = made;
    const follow = () => {
      const left = cursor.atS === null ? -10 : made.valToPos(cursor.atS, 'x');
      if (made.cursor.left !== left) made.setCursor({ left, top: 10 }, false);
    };
    const unsubscribe = cursor.subscribe(follow);
    return () => {
      unsubscribe();
      made.destroy();
      plot.current = null;
    };
  }, [isDark, colours, width === 0, cursor]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: HEIGHT });
  }, [width]);

  useEffect(() => {
    if (!document.hidden) plot.current?.setData(latest.current);
  });

  return <div className="chart" ref={holder} role="img" aria-label={label} style={{ height: HEIGHT }} />;
}

function options(
  width: number,
  scale: { readonly current: { readonly fromS: number; readonly toS: number; readonly top: number } },
  colours: readonly string[],
  format: (value: number) => string,
  point: (atS: number | null) => void,
): uPlot.Options {
  const grid = { stroke: token('--line'), width: 1 };
  const font = '11px "Inter Variable", sans-serif';
  return {
    width,
    height: HEIGHT,
    padding: [7, 2, 7, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 5 },
      drag: { x: false, y: false },
      bind: {
        mousemove: (self, _target, handler) => (event) => {
          handler(event);
          const { left } = self.cursor;
          point(left === undefined || left < 0 ? null : self.posToVal(left, 'x'));
          return null;
        },
        mouseleave: (_self, _target, handler) => (event) => {
          handler(event);
          point(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: true, range: () => [scale.current.fromS, scale.current.toS] },
      y: { range: () => [0, scale.current.top] },
    },
    axes: [
      { show: false },
      {
        size: 56,
        gap: 4,
        font,
        stroke: token('--text-3'),
        grid,
        ticks: { show: false },
        splits: () => [0, scale.current.top / 2, scale.current.top],
        values: (_self, splits) => splits.map((value) => (value === 0 ? '0' : format(value))),
      },
    ],
    series: [
      {},
      ...colours.map((name) => ({
        stroke: token(name),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}
