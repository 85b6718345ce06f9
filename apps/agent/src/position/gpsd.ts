import { connect, type Socket } from 'node:net';
import type { Position } from '@corridor/contracts';
import { Backoff, Pause } from '../mqtt/backoff.js';

/** A fix that is older tells where the vehicle was, not where it is. Milliseconds. */
export const FIX_MS = 10_000;
/** gpsd sends a report about once a second; silence for so long means that it or the way to it is gone. */
const SILENCE_MS = 30_000;
/** Longest line that is read, bytes: a sky view of many satellites has some kilobytes. */
const MAX_LINE = 1 << 16;

/**
 * The position from gpsd, by its JSON protocol (gpsd_json(5)): `?WATCH` asks for reports, of which `TPV` holds the fix.
 * Connects again whenever the connection ends; a vehicle without a receiver, or with one that is unplugged, has no position.
 */
export class GpsdClient {
  readonly #pause = new Pause();
  readonly #backoff = new Backoff(500, 15_000);
  #socket: Socket | undefined;
  #fix: { readonly position: Position; readonly atMs: number } | undefined;
  #closing = false;
  #loop: Promise<void> | undefined;

  /** @param nowMs a monotonic clock: how old a fix is, is counted from its arrival. */
  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Where the vehicle is, or undefined when nobody knows. */
  get position(): Position | undefined {
    return this.#fix !== undefined && this.nowMs() - this.#fix.atMs <= FIX_MS ? this.#fix.position : undefined;
  }

  /** Whether gpsd answers, with or without a fix. */
  get connected(): boolean {
    return this.#socket?.readyState === 'open';
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#socket?.destroy();
    this.#pause.cut();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      await this.#session();
      if (!this.#closing) await this.#pause.wait(this.#backoff.next());
    }
  }

  /** One connection, from its attempt to its end. */
  #session(): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.host, port: this.port });
      this.#socket = socket;
      let rest = '';
      socket.setEncoding('utf8').setTimeout(SILENCE_MS, () => socket.destroy());
      socket.on('connect', () => socket.write('?WATCH={"enable":true,"json":true};\n'));
      socket.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#report(line);
        if (rest.length > MAX_LINE) socket.destroy();
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  }

  #report(line: string): void {
    this.#backoff.reset();
    const position = positionOf(line);
    if (position === 'no-fix') this.#fix = undefined;
    else if (position !== undefined) this.#fix = { position, atMs: this.nowMs() };
  }
}

/** The position in a line of gpsd; `no-fix` when it says that there is none, undefined when it says nothing of it. */
export function positionOf(line: string): Position | 'no-fix' | undefined {
  let report: Record<string, unknown>;
  try {
    report = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (report?.class !== 'TPV') return undefined;
  const { mode, lat, lon } = report;
  if (typeof mode !== 'number' || mode < 2) return 'no-fix';
  if (!within(lat, -90, 90) || !within(lon, -180, 180)) return 'no-fix';
  const { speed, track, eph } = report;
  return {
    latitude: rounded(lat, 1e6),
    longitude: rounded(lon, 1e6),
    ...(within(speed, 0, 1000) ? { speedMps: rounded(speed, 100) } : {}),
    ...(within(track, 0, 360) ? { headingDeg: rounded(track, 10) } : {}),
    ...(within(eph, 0, 1e6) ? { errorM: rounded(eph, 10) } : {}),
  };
}

function within(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

/** To what a receiver is good for: the sixth decimal of a degree is 11 cm. */
function rounded(value: number, factor: number): number {
  return Math.round(value * factor) / factor;
}
