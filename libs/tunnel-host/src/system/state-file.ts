/**
 * What a killed process leaves behind, noted in a file beside the control socket.
 *
 * TUN devices, their addresses and routes vanish with the process. What stays is what was written into settings of
 * other interfaces (rp_filter). The file says what they were before, and whose process it was: a living one keeps a
 * second instance out, a dead one's settings are put back.
 */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { HostError } from '../errors.js';

/** A setting under /proc/sys that was changed: path, what it was, what we wrote. */
export interface ChangedSetting {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

interface StateDocument {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot: a process id alone is used again. */
  readonly startedAt: string;
  readonly settings: readonly ChangedSetting[];
}

export class StateFile {
  readonly #path: string | undefined;
  #settings: ChangedSetting[] = [];
  #closed = false;

  private constructor(path: string | undefined) {
    this.#path = path;
  }

  /**
   * Claims the file for this process and puts back what a dead owner left.
   * @param path undefined: settings are remembered in memory only.
   * @throws HostError ERR_ALREADY_RUNNING when its owner lives.
   */
  static claim(path: string | undefined): StateFile {
    const state = new StateFile(path);
    if (path === undefined) return state;
    const left = readState(path);
    if (left !== undefined) {
      if (processStart(left.pid) === left.startedAt) {
        throw new HostError('ERR_ALREADY_RUNNING', `${path}: a tunnel with process id ${left.pid} is running already`);
      }
      restore(left.settings);
      unlinkSync(path);
    }
    state.#write('wx');
    return state;
  }

  /** Writes `value` into a setting after noting what it was. Answers whether anything had to change. */
  change(path: string, value: string): boolean {
    const before = readSetting(path);
    if (before === undefined || before === value) return false;
    // A device that came back has fresh settings: the newest note counts.
    this.#settings = [...this.#settings.filter((setting) => setting.path !== path), { path, before, after: value }];
    this.#write('w');
    writeFileSync(path, value);
    return true;
  }

  /** Puts everything back and gives the file up. Synchronous: also runs while the process dies. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    restore(this.#settings);
    if (this.#path === undefined) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // Somebody removed it: there is nothing left to give up.
    }
  }

  #write(flag: 'w' | 'wx'): void {
    if (this.#path === undefined) return;
    const document: StateDocument = {
      pid: process.pid,
      startedAt: processStart(process.pid) ?? '',
      settings: this.#settings,
    };
    try {
      writeFileSync(this.#path, JSON.stringify(document), { flag, mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
        throw new HostError(
          'ERR_ALREADY_RUNNING',
          `${this.#path}: another tunnel is starting with the same control socket`,
        );
      }
      throw new HostError('ERR_HOST_SYSTEM', `${this.#path} cannot be written: ${(error as Error).message}`);
    }
  }
}

function readState(path: string): StateDocument | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HostError('ERR_HOST_SYSTEM', `${path}: ${(error as Error).message}`);
  }
  const empty: StateDocument = { pid: 0, startedAt: '', settings: [] };
  try {
    const { pid, startedAt, settings } = JSON.parse(text) as Partial<StateDocument>;
    // Written by a process that died half-way, perhaps: nothing in it can be trusted then.
    if (typeof pid !== 'number' || typeof startedAt !== 'string' || !Array.isArray(settings)) return empty;
    return { pid, startedAt, settings: settings.filter(isSetting) };
  } catch {
    return empty;
  }
}

/** Only what this module writes may be written back, whoever edited the file. */
function isSetting(value: unknown): value is ChangedSetting {
  const { path, before, after } = (value ?? {}) as Partial<ChangedSetting>;
  return (
    typeof path === 'string' &&
    /^\/proc\/sys\/net\/ipv4\/conf\/[^/]+\/rp_filter$/.test(path) &&
    /^[012]$/.test(before ?? '') &&
    /^[012]$/.test(after ?? '')
  );
}

function restore(settings: readonly ChangedSetting[]): void {
  for (const { path, before, after } of settings) {
    // Changed again by somebody else since, or gone with its interface: not ours any more.
    if (readSetting(path) !== after) continue;
    try {
      writeFileSync(path, before);
    } catch {
      // The interface went between the two calls.
    }
  }
}

export function readSetting(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the command in field 2 may contain spaces and brackets. */
function processStart(pid: number): string | undefined {
  const stat = pid > 0 ? readSetting(`/proc/${pid}/stat`) : undefined;
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
