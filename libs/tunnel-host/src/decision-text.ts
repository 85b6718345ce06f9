/** Decisions of the tunnel in words, for log lines of agent and `corridor-tunnel`. */
import type { ClassSpending, EngineEvent, PathFigures } from '@corridor/tunnel';

type Event<Type extends EngineEvent['type']> = Extract<EngineEvent, { readonly type: Type }>;

/** Queues below this are what every link has, microseconds. */
const NOTABLE_QUEUE_US = 5_000;

/** `video: w0 -> w1: w0 went silent (14 packets sent again); w0 suspect 20 ms, 0 % loss, 4.9 of 20 Mbit/s; w1 …` */
export function switchText(event: Event<'path-switch'>): string {
  const { from, to, before, after, replayed, reason } = event;
  const again = replayed > 0 ? ` (${count(replayed, 'packet')} sent again)` : '';
  const how = isEqual(before, after) ? '' : ` (${spendingText(after)})`;
  return `${event.trafficClass}: ${paths(from)} -> ${paths(to)}${how}: ${reason}${again}${figuresText(event.figures)}`;
}

/** `video on w0: one path -> one path, 1 copy: w0 answers late; w0 up 20 ms, …` */
export function protectionText(event: Event<'protection'>): string {
  const { before, after, changes, reason } = event;
  const often = changes > 1 ? ` (${changes} changes since the last told)` : '';
  const change = `${spendingText(before)} -> ${spendingText(after)}`;
  return `${event.trafficClass} on ${paths(event.paths)}: ${change}${often}: ${reason}${figuresText(event.figures)}`;
}

/** `video 2.1 s after w0 -> w1: 1,000 packets, 14 sent again, 0 dropped, 5.0 of 5.0 Mbit/s sent; w0 down …` */
export function effectText(event: Event<'path-switch-effect'>): string {
  const { felt, switches } = event;
  const after = `${(felt.spanUs / 1e6).toFixed(1)} s after ${paths(event.from)} -> ${paths(event.to)}`;
  const often = switches > 1 ? ` (${switches} switches)` : '';
  const waiting = felt.waiting > 0 ? `, ${felt.waiting} waiting` : '';
  const counts = `${count(felt.packets, 'packet')}, ${felt.retransmissions} sent again, ${felt.queueDrops} dropped${waiting}`;
  const sent = `${share(felt.sentBps, felt.demandBps)} sent`;
  return `${event.trafficClass} ${after}${often}: ${counts}, ${sent}${figuresText(event.figures)}`;
}

/** `one path, 1 copy, 10 % repair`. */
export function spendingText({ mode, copies, repairPermille }: ClassSpending): string {
  const parts: string[] = [MODE_WORDS[mode]];
  if (copies > 0) parts.push(copies === 1 ? '1 copy' : `${copies} copies`);
  if (repairPermille > 0) parts.push(`${repairPermille / 10} % repair`);
  return parts.join(', ');
}

const MODE_WORDS = {
  single: 'one path',
  copies: 'a copy on each path',
  spill: 'spilling',
  balance: 'balanced',
} as const satisfies Record<ClassSpending['mode'], string>;

function figuresText(figures: readonly PathFigures[]): string {
  return figures.map((one) => `; ${pathText(one)}`).join('');
}

function pathText(one: PathFigures): string {
  const rate = one.capacityBps > 0 ? share(one.deliveredBps, one.capacityBps) : rateText(one.deliveredBps);
  const parts = [one.oneWayDelayUs > 0 ? milliseconds(one.oneWayDelayUs) : 'delay not known'];
  if (one.queueUs >= NOTABLE_QUEUE_US) parts.push(`queue ${milliseconds(one.queueUs)}`);
  parts.push(`${Math.round(one.lossRatio * 1_000) / 10} % loss`, rate);
  if (one.warnings.length > 0) parts.push(`warned of ${one.warnings.join(' and ')}`);
  return `${one.path} ${one.state === 'up' ? '' : `${one.state} `}${parts.join(', ')}`;
}

function paths(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join('+');
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en-GB')} ${what}${number === 1 ? '' : 's'}`;
}

function milliseconds(us: number): string {
  return `${Math.round(us / 1_000)} ms`;
}

/** Both in the unit of the second. */
function share(bps: number, ofBps: number): string {
  const [unit] = unitOf(ofBps);
  return `${digits(bps / unit)} of ${rateText(ofBps)}`;
}

function rateText(bps: number): string {
  const [unit, name] = unitOf(bps);
  return `${digits(bps / unit)} ${name}`;
}

function unitOf(bps: number): readonly [number, string] {
  return bps >= 999_500 ? [1e6, 'Mbit/s'] : [1e3, 'kbit/s'];
}

function digits(value: number): string {
  return value > 0 && value < 9.95 ? value.toFixed(1) : `${Math.round(value)}`;
}

function isEqual(a: ClassSpending, b: ClassSpending): boolean {
  return a.mode === b.mode && a.copies === b.copies && a.repairPermille === b.repairPermille;
}
