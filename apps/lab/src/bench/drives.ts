/** Recorded drives for the bench: traces of several operators from a folder, or synthetic ones where there are none. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OperatorTrace, parseMahimahi, syntheticDrive } from '@corridor/sim';

/** Beside the project's folder. */
export const DEFAULT_TRACES = fileURLToPath(new URL('../../../../../shared/traces', import.meta.url));

export interface Traces {
  /** Where they come from, for people. */
  readonly source: string;
  readonly operators: readonly OperatorTrace[];
}

/**
 * Pairs of `NAME.up` and `NAME.down` in mahimahi's format.
 *
 * @param folder undefined: {@link DEFAULT_TRACES} when it is there, else synthetic ones.
 * @throws Error for a folder without pairs, or a file that is no trace.
 */
export function findTraces(folder: string | undefined): Traces {
  if (folder === undefined && !existsSync(DEFAULT_TRACES)) {
    return { source: 'synthetic (no recorded traces here)', operators: syntheticDrive(1, 200_000) };
  }
  const from = folder ?? DEFAULT_TRACES;
  return { source: `recorded, from ${folder ?? '../shared/traces'}`, operators: readTraces(from) };
}

export function readTraces(folder: string): OperatorTrace[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (error) {
    throw new Error(`--traces: ${error instanceof Error ? error.message : String(error)}`);
  }
  const names = files.filter((file) => file.endsWith('.up')).map((file) => file.slice(0, -'.up'.length));
  const pairs = names.filter((name) => files.includes(`${name}.down`)).sort();
  if (pairs.length === 0) throw new Error(`--traces: no NAME.up with a NAME.down beside it in ${folder}`);
  return pairs.map((name) => ({ name, up: readTrace(folder, `${name}.up`), down: readTrace(folder, `${name}.down`) }));
}

function readTrace(folder: string, file: string): number[] {
  try {
    return parseMahimahi(readFileSync(join(folder, file), 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
