/**
 * Measured TCP and MPTCP streams between two hosts of a lab: a congestion control of choice, bound to a link or not, as
 * fast as they go or in paced messages. The two ends are helpers in Python (`helpers/stream.py`): Node cannot open such
 * sockets.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Direction } from '../../face.js';
import type { Netns } from '../../sandbox/netns.js';

export interface StreamOrder {
  /** `up`: the connecting host sends. */
  readonly direction: Direction;
  readonly seconds: number;
  /** Congestion control of the sender; null: the system's. */
  readonly congestion: string | null;
  readonly protocol: 'tcp' | 'mptcp';
  /** Device that the connecting host binds to; null: its routes decide. */
  readonly device: string | null;
  /** Messages of so many bytes, one each interval, in place of as much as possible. */
  readonly paced: { readonly bytes: number; readonly intervalUs: number } | null;
}

/** What the receiving end saw. */
export interface StreamFigures {
  /** When the connection stood at the receiver, CLOCK_MONOTONIC. */
  readonly startUs: number;
  readonly binUs: number;
  /** Payload bytes that arrived in each bin since then. */
  readonly bytes: readonly number[];
  /** Of paced streams: delay of each message from when it was due, in order. */
  readonly messages?: { readonly delaysUs: readonly number[]; readonly longestGapUs: number };
}

interface Answer extends StreamFigures {
  readonly id: number | null;
  readonly error?: string;
}

const HELPER = fileURLToPath(new URL('../../../helpers/stream.py', import.meta.url));
const PYTHON = 'python3';
const PORT = 5_301;
/** What a stream may take longer than it was told to: connecting over bad links, the end of paced ones. */
const GRACE_MS = 20_000;
const START_MS = 10_000;
/** Room for a second of buffer at 50 Mbit/s and both ends' own queues. */
const BUFFER_BYTES = 32 << 20;

/** Settings of hosts between which streams are measured: room for deep queues, and no memory of earlier streams. */
export const STREAM_SYSCTLS = [
  `net/ipv4/tcp_rmem=4096 131072 ${BUFFER_BYTES}`,
  `net/ipv4/tcp_wmem=4096 16384 ${BUFFER_BYTES}`,
  'net/ipv4/tcp_no_metrics_save=1',
];

export class Streams {
  private readonly waiting = new Map<
    number,
    { resolve: (figures: StreamFigures) => void; reject: (e: Error) => void }
  >();
  private readonly children = new Set<ChildProcess>();
  private nextId = 1;

  /** Starts the listening helper in a host. @throws Error when Python is missing. */
  async serve(host: Netns): Promise<void> {
    const child = this.start(host, ['serve', String(PORT)]);
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${PYTHON} did not start in ${host.name}`)), START_MS);
      child.once('exit', () =>
        reject(new Error(`streams need ${PYTHON} 3.10 or later (apt-get install python3-minimal)`)),
      );
      child.stdout?.once('data', () => {
        clearTimeout(late);
        resolve();
      });
    });
  }

  /** Runs one stream from `host` to the serving host at `address`; answers what the receiving end saw. */
  async run(host: Netns, address: string, order: StreamOrder): Promise<StreamFigures> {
    const id = this.nextId++;
    const answered = new Promise<StreamFigures>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    const child = this.start(host, ['connect', address, String(PORT), JSON.stringify({ id, ...order })]);
    const timer = setTimeout(
      () => this.settle({ ...NOTHING, id, error: 'no answer from the receiving end' }),
      order.seconds * 1_000 + GRACE_MS,
    );
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      await ended(child);
    }
  }

  close(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }

  private start(host: Netns, args: readonly string[]): ChildProcess {
    const child = host.spawn(PYTHON, ['-I', HELPER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    child.once('error', () => this.children.delete(child));
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.hear(line));
    return child;
  }

  private hear(line: string): void {
    const answer = JSON.parse(line) as Partial<Answer>;
    if (answer.id !== undefined && answer.id !== null) this.settle({ ...NOTHING, ...answer, id: answer.id });
  }

  private settle({ id, error, ...figures }: Answer): void {
    const waiter = this.waiting.get(id as number);
    this.waiting.delete(id as number);
    if (error === undefined) waiter?.resolve(figures);
    else waiter?.reject(new Error(`stream ${id}: ${error}`));
  }
}

const NOTHING = { startUs: 0, binUs: 1, bytes: [] } as const;

/** Waits for a helper to end by itself, not for ever. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const reluctant = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(reluctant);
}
