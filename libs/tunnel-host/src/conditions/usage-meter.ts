/**
 * How much of their data caps the uplinks have used. Pure: counters and times come in.
 *
 * Bytes are those of the interface's own counters, so everything on the uplink counts, as it does on the operator's bill. The
 * counters go on while this process is away; they begin at 0 with every boot and every time that the interface is made.
 *
 * A period ends only by a time that somebody vouches for. A clock that is years off after a boot, or jumps, changes nothing.
 */
import { z } from 'zod';
import type { CapOptions } from '../options.js';

const DAY_MS = 86_400_000;

const Usage = z.strictObject({
  /** In the period that runs. */
  usedBytes: z.number().min(0),
  /** When that period began, UTC milliseconds; null: nobody has told the time since the cap is counted. */
  sinceMs: z.number().nullable(),
  /** The interface's counter when it was last looked at. */
  counter: z.strictObject({ bootId: z.string(), ifindex: z.int(), bytes: z.number().min(0) }),
});
type Usage = z.infer<typeof Usage>;

const StoredUsage = z.strictObject({ version: z.literal(1), uplinks: z.record(z.string(), Usage) });

/** An interface and the bytes that went over it both ways since it was made. */
export interface InterfaceCounter {
  readonly name: string;
  readonly ifindex: number;
  readonly bytes: number;
}

export class UsageMeter {
  readonly #uplinks = new Map<string, Usage>();

  /** @param bootId changes with every boot of the machine: then counters begin anew */
  constructor(private readonly bootId: string) {}

  /** Takes over what {@link stored} said. Answers false, and begins from zero, when that is no such text. */
  load(text: string): boolean {
    let parsed: ReturnType<typeof StoredUsage.safeParse>;
    try {
      parsed = StoredUsage.safeParse(JSON.parse(text));
    } catch {
      return false;
    }
    if (!parsed.success) return false;
    for (const [name, usage] of Object.entries(parsed.data.uplinks)) this.#uplinks.set(name, usage);
    return true;
  }

  /** Everything, as text to keep. */
  stored(): string {
    return JSON.stringify({ version: 1, uplinks: Object.fromEntries(this.#uplinks) });
  }

  /** Bytes of the period that runs. */
  usedBytes(name: string): number {
    return this.#uplinks.get(name)?.usedBytes ?? 0;
  }

  /** When the period began, UTC milliseconds; undefined while nobody has told the time. */
  sinceMs(name: string): number | undefined {
    return this.#uplinks.get(name)?.sinceMs ?? undefined;
  }

  /** Counts what went over the interface since it was last looked at; from an uplink's first look on. */
  count({ name, ifindex, bytes }: InterfaceCounter): void {
    const counter = { bootId: this.bootId, ifindex, bytes };
    const known = this.#uplinks.get(name);
    if (known === undefined) {
      this.#uplinks.set(name, { usedBytes: 0, sinceMs: null, counter });
      return;
    }
    const before = known.counter;
    const goesOn = before.bootId === this.bootId && before.ifindex === ifindex && before.bytes <= bytes;
    known.usedBytes += goesOn ? bytes - before.bytes : bytes;
    known.counter = counter;
  }

  /**
   * Begins a new period where one is over. Answers whether it did.
   * @param nowMs UTC milliseconds, vouched for
   */
  roll(name: string, cap: CapOptions, nowMs: number): boolean {
    const usage = this.#uplinks.get(name);
    if (usage === undefined) return false;
    if (usage.sinceMs === null) {
      // What was counted before belongs to the period that runs, for all that is known.
      usage.sinceMs = periodStart(cap, nowMs, nowMs);
      return false;
    }
    const startMs = periodStart(cap, usage.sinceMs, nowMs);
    if (nowMs < usage.sinceMs) {
      // Whoever told the time was wrong before: the usage stays, and the period ends when it should.
      usage.sinceMs = startMs;
      return false;
    }
    if (startMs <= usage.sinceMs) return false;
    usage.sinceMs = startMs;
    usage.usedBytes = 0;
    return true;
  }
}

/**
 * When the period that runs at `nowMs` began, UTC milliseconds.
 * @param anchorMs begin of some earlier period: those of `perDays` follow it without gaps
 */
export function periodStart(cap: CapOptions, anchorMs: number, nowMs: number): number {
  if (cap.resetDay === undefined) {
    const lengthMs = cap.perDays * DAY_MS;
    return anchorMs + Math.floor((nowMs - anchorMs) / lengthMs) * lengthMs;
  }
  const now = new Date(nowMs);
  const thisMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), cap.resetDay);
  return thisMonth <= nowMs ? thisMonth : Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, cap.resetDay);
}
