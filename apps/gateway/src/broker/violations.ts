import { Logger } from '@nestjs/common';

/** Remembers so many pairs of device and kind; a fleet that breaks more rules than this starts over. */
const MOST_REMEMBERED = 10_000;

/**
 * Things that devices do and must not: each is counted, and logged once per device and kind, so that a broken or hostile
 * device fills neither the log nor the memory.
 */
export class Violations {
  readonly #counts = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #logger: Logger;

  /** @param subject begins each line of the log, such as "MQTT" */
  constructor(
    private readonly subject: string,
    context: string,
  ) {
    this.#logger = new Logger(context);
  }

  /** @param who device id, or what stands in its place; never content that the device chose */
  count(who: string, kind: string, detail = ''): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const key = `${who} ${kind}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.add(key);
    this.#logger.warn(`${this.subject}: ${kind} by ${who}${detail === '' ? '' : `: ${detail}`} (told once)`);
  }

  /** By kind, since the start. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
