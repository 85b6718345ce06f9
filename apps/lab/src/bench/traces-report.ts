/** Tables of the bench on recorded drives. */
import type { TrafficKind } from '@corridor/sim';
import type { Way } from './ground/ground.js';
import { spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

/** One flow of one run over one way, or the bound's. */
export interface FlowRun {
  readonly run: number;
  readonly direction: 'up' | 'down';
  readonly flow: TrafficKind;
  readonly way: Way | 'bound';
  readonly sent: number;
  readonly lost: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly longestGapUs: number;
}

/** What one TCP stream got over one way, or what the traces offered. */
export interface TcpRun {
  readonly run: number;
  readonly direction: 'up' | 'down';
  readonly way: Way | 'offered';
  readonly goodputBps: number;
}

const milliseconds = (us: number) => digits(us / 1e3);
const times = (share: number) => share.toFixed(2);
const percent = (share: number) => (100 * share).toFixed(0);

export function driveReport(flows: readonly FlowRun[], tcp: readonly TcpRun[]): string {
  const parts: string[] = [];
  if (flows.length > 0) parts.push(flowTable(flows));
  if (tcp.length > 0) parts.push(tcpTable(tcp));
  parts.push(
    'asked of Corridor: vital signs lost 0, p99 within 1.5 times the bound, video within 2 times;\n' +
      'TCP above every single link and at least 80 % of what the traces offer together',
  );
  return parts.join('\n\n');
}

function flowTable(flows: readonly FlowRun[]): string {
  const head = ['flow', 'sent', 'lost', 'p50 ms', 'p95', 'p99 (min - max)', 'max', 'p99 / bound'];
  const rows = groups(flows, ({ direction, flow, way }) => `${flow} ${direction} ${way}`).map(([name, same]) => {
    const ratios = same.map((one) => one.p99Us / boundOf(flows, one));
    return [
      name,
      String(sum(same.map(({ sent }) => sent))),
      String(sum(same.map(({ lost }) => lost))),
      milliseconds(spreadOf(same.map(({ p50Us }) => p50Us)).median),
      milliseconds(spreadOf(same.map(({ p95Us }) => p95Us)).median),
      spreadText(
        same.map(({ p99Us }) => p99Us),
        milliseconds,
      ),
      milliseconds(Math.max(...same.map(({ maxUs }) => maxUs))),
      same[0]?.way === 'bound' ? '' : spreadText(ratios, times),
    ];
  });
  return table(head, rows);
}

function boundOf(flows: readonly FlowRun[], { run, direction, flow }: FlowRun): number {
  const bound = flows.find(
    (one) => one.way === 'bound' && one.run === run && one.direction === direction && one.flow === flow,
  );
  return bound?.p99Us ?? Number.NaN;
}

function tcpTable(tcp: readonly TcpRun[]): string {
  const head = ['one TCP stream', 'Mbit/s (min - max)', '% of what is offered', 'of the best single link'];
  const rows = groups(tcp, ({ direction, way }) => `${direction} ${way}`).map(([name, same]) => [
    name,
    spreadText(
      same.map(({ goodputBps }) => goodputBps / 1e6),
      digits,
    ),
    ...(same[0]?.way === 'offered'
      ? ['', '']
      : [sharesOf(tcp, same, isOffered, percent), sharesOf(tcp, same, isLink, times)]),
  ]);
  return table(head, rows);
}

/** Each run's rate over the highest of the others that count, in the same run. */
function sharesOf(
  tcp: readonly TcpRun[],
  same: readonly TcpRun[],
  counts: (one: TcpRun) => boolean,
  text: (share: number) => string,
): string {
  const shares = same.map(({ run, direction, goodputBps }) => {
    const others = tcp.filter((one) => one.run === run && one.direction === direction && counts(one));
    return goodputBps / Math.max(...others.map((one) => one.goodputBps));
  });
  return spreadText(shares, text);
}

function isOffered({ way }: TcpRun): boolean {
  return way === 'offered';
}

function isLink({ way }: TcpRun): boolean {
  return way !== 'offered' && way !== 'corridor' && way !== 'mptcp';
}

/** Groups in the order in which they first come. */
function groups<Item>(items: readonly Item[], key: (item: Item) => string): [string, Item[]][] {
  const found = new Map<string, Item[]>();
  for (const item of items) found.set(key(item), [...(found.get(key(item)) ?? []), item]);
  return [...found];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
