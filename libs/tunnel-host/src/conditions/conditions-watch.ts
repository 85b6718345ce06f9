/** What the uplinks are like beside being there: data caps, roaming, signal. Tells the engine, which tells strategies. */
import { readFileSync } from 'node:fs';
import type { UplinkConditions } from '@corridor/tunnel';
import type { CapOptions, UplinkOptions } from '../options.js';
import type { UplinkStatus } from '../status.js';
import { matchesDevice, type Uplink } from '../system/uplinks.js';
import { dataVolume } from '../uplink-text.js';
import { interfaceBytes } from './interface-bytes.js';
import { ModemWatch } from './modem-watch.js';
import { UsageMeter } from './usage-meter.js';
import type { UsageStore } from './usage-store.js';

/** Pause between two looks at the counters, milliseconds: 20 Mbit/s go 12 MB over a cap meanwhile. */
const LOOK_MS = 5_000;
/** Shortest time between two writes: a power-off forgets no more than this, and memory cards last. */
const WRITE_MS = 60_000;

export interface ConditionsOptions {
  readonly wanted: readonly UplinkOptions[];
  /** Needed when one of `wanted` has a cap. */
  readonly usage: UsageStore | undefined;
  /** UTC milliseconds that somebody vouches for; undefined while nobody does. */
  trustedNowMs(): number | undefined;
  /** Tells the engine. */
  apply(name: string, conditions: UplinkConditions): void;
  /** `reason` says what is new of an uplink: "is roaming". */
  onChange(uplink: string, reason: string): void;
  onWarning(reason: string): void;
  /** Bytes by interface; default {@link interfaceBytes}. */
  counters?(): Map<string, number>;
  /** Pauses, for tests. */
  readonly lookMs?: number;
  readonly writeMs?: number;
  readonly modemMs?: number;
}

const UNKNOWN: UplinkConditions = { roaming: false, capReached: false, signal: undefined };

export class ConditionsWatch {
  readonly #options: ConditionsOptions;
  readonly #meter = new UsageMeter(bootId());
  readonly #modems: ModemWatch;
  /** Also of uplinks that went: the engine remembers, too. */
  readonly #told = new Map<string, UplinkConditions>();
  readonly #warned = new Set<string>();
  /** Writes what is not written while the process dies. */
  readonly #atExit = () => this.#write();
  #uplinks: readonly Uplink[] = [];
  /** Caps that others than the configuration set, by interface. */
  #caps: ReadonlyMap<string, CapOptions> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #written = '';
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConditionsOptions) {
    this.#options = options;
    this.#modems = new ModemWatch({
      onChange: () => this.#look(),
      ...(options.modemMs === undefined ? {} : { askMs: options.modemMs, listMs: options.modemMs }),
    });
  }

  start(): void {
    this.#load();
    if (this.#options.wanted.some(({ cap }) => cap !== undefined)) this.#keepLooking();
    this.#modems.start();
  }

  #keepLooking(): void {
    if (this.#timer !== undefined) return;
    const { lookMs = LOOK_MS } = this.#options;
    this.#timer = setInterval(() => this.#look(), lookMs);
    process.once('exit', this.#atExit);
  }

  /** Caps by interface, for uplinks whose configuration has none; those given before and not now are caps no more. */
  setCaps(caps: ReadonlyMap<string, CapOptions>): void {
    this.#caps = caps;
    if (caps.size > 0) this.#keepLooking();
    this.#look();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    process.off('exit', this.#atExit);
    if (this.#timer !== undefined) this.#count();
    this.#write();
    await this.#modems.close();
  }

  /** These are about to be the uplinks: the engine is told first what they are like. */
  setUplinks(uplinks: readonly Uplink[]): void {
    this.#uplinks = uplinks;
    this.#look();
  }

  /** For the status of an uplink. */
  figuresOf(name: string): Partial<UplinkStatus> {
    const cap = this.#capOf(name);
    const modem = this.#modems.stateOf(name);
    const sinceMs = this.#meter.sinceMs(name);
    return {
      ...(cap === undefined ? {} : { usedBytes: this.#meter.usedBytes(name), capBytes: cap.bytes }),
      ...(cap === undefined || sinceMs === undefined ? {} : { capSince: new Date(sinceMs).toISOString() }),
      ...(modem === undefined ? {} : { roaming: modem.roaming }),
      ...(modem?.signal === undefined ? {} : { signal: modem.signal }),
      ...(modem === undefined || modem.operator === '' ? {} : { operator: modem.operator }),
      ...(modem === undefined || modem.technology === '' ? {} : { technology: modem.technology }),
    };
  }

  #look(): void {
    this.#count();
    for (const { name } of this.#uplinks) this.#tell(name);
    this.#noteTrouble();
    const { writeMs = WRITE_MS } = this.#options;
    if (performance.now() - this.#writtenAtMs >= writeMs) this.#write();
  }

  #tell(name: string): void {
    const before = this.#told.get(name) ?? UNKNOWN;
    const cap = this.#capOf(name);
    const modem = this.#modems.stateOf(name);
    const now: UplinkConditions = {
      roaming: modem?.roaming ?? false,
      capReached: cap !== undefined && this.#meter.usedBytes(name) >= cap.bytes,
      signal: modem?.signal,
    };
    this.#told.set(name, now);
    if (now.roaming === before.roaming && now.capReached === before.capReached && now.signal === before.signal) return;
    this.#options.apply(name, now);
    const network = modem?.operator ? ` (${modem.operator})` : '';
    if (now.roaming !== before.roaming)
      this.#options.onChange(name, now.roaming ? `is roaming${network}` : `is not roaming any more${network}`);
    if (now.capReached !== before.capReached) this.#options.onChange(name, capSentence(now.capReached, cap));
  }

  #count(): void {
    const capped = this.#uplinks.filter(({ name }) => this.#capOf(name) !== undefined);
    if (capped.length === 0) return;
    const counters = this.#counters();
    const nowMs = this.#options.trustedNowMs();
    for (const { name, ifindex } of capped) {
      const bytes = counters.get(name);
      if (bytes !== undefined) this.#meter.count({ name, ifindex, bytes });
      const cap = this.#capOf(name);
      if (cap !== undefined && nowMs !== undefined) this.#meter.roll(name, cap, nowMs);
    }
  }

  #counters(): Map<string, number> {
    try {
      return (this.#options.counters ?? interfaceBytes)();
    } catch (error) {
      this.#warnOnce(`data caps cannot be counted: ${(error as Error).message}`);
      return new Map();
    }
  }

  #capOf(name: string): CapOptions | undefined {
    return this.#options.wanted.find(({ device }) => matchesDevice(device, name))?.cap ?? this.#caps.get(name);
  }

  #load(): void {
    let text: string | undefined;
    try {
      text = this.#options.usage?.read();
    } catch (error) {
      this.#warnOnce(`the usage of data caps cannot be read, it is counted from zero: ${(error as Error).message}`);
    }
    if (text === undefined) return;
    if (this.#meter.load(text)) this.#written = text;
    else this.#warnOnce('what is stored of the usage of data caps is damaged: it is counted from zero');
  }

  #write(): void {
    const text = this.#meter.stored();
    if (this.#timer === undefined || text === this.#written) return;
    this.#writtenAtMs = performance.now();
    try {
      this.#options.usage?.write(text);
      this.#written = text;
    } catch (error) {
      this.#warnOnce(`the usage of data caps cannot be kept: ${(error as Error).message}`);
    }
  }

  /** Worth a word only where there is a modem to know something of. */
  #noteTrouble(): void {
    const { trouble } = this.#modems;
    if (trouble === '' || !this.#uplinks.some(({ name }) => /^ww|^ppp/.test(name))) return;
    this.#warnOnce(`signal and roaming of modems are not known: ${trouble}`);
  }

  #warnOnce(reason: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#options.onWarning(reason);
  }
}

function capSentence(reached: boolean, cap: CapOptions | undefined): string {
  if (!reached) return 'has data volume again';
  return `has used up its data volume of ${dataVolume(cap?.bytes ?? 0)}`;
}

/** Interface counters begin anew with every boot. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `process-${process.pid}`;
  }
}
