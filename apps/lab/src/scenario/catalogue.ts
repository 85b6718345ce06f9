/** Every scenario that the lab can run: the ones shared with the simulator, and the lab's own files. */
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseMahimahi, profileVariants, type Scenario, scenarios } from '@corridor/sim';
import { checkScenario, ScenarioError } from './check.js';

const FOLDER = new URL('../../scenarios/', import.meta.url);

export function allScenarios(): readonly Scenario[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  return [...scenarios, ...files.sort().map((file) => loadScenario(new URL(file, FOLDER)))];
}

/** A scenario by its name (variants of the profiles are not in the list, but found), or from a file when the name is a path that ends in `.json`. @throws ScenarioError */
export function findScenario(name: string): Scenario {
  if (name.endsWith('.json')) return loadScenario(name);
  const all = [...allScenarios(), ...profileVariants()];
  const found = all.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new ScenarioError(`there is no scenario "${name}"; "npm run lab -- list" shows them`);
}

/** @throws ScenarioError for a file that cannot be read, and for what is wrong in it. */
export function loadScenario(file: string | URL): Scenario {
  const url = file instanceof URL ? file : pathToFileURL(file);
  const name = url.pathname.split('/').pop() ?? '';
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(url, 'utf8'));
    readTraces(value, url);
  } catch (error) {
    throw new ScenarioError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkScenario(value, name);
}

/**
 * Puts recorded traces in their places: a direction may say `"traceFile": "lte.up"`, a mahimahi trace beside the
 * scenario's own file, instead of listing its opportunities in `traceMs`.
 */
function readTraces(value: unknown, base: URL): void {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  if (typeof holder.traceFile === 'string') {
    const { traceFile } = holder;
    try {
      holder.traceMs = parseMahimahi(readFileSync(new URL(traceFile, base), 'utf8'));
    } catch (error) {
      throw new Error(`${traceFile}: ${error instanceof Error ? error.message : String(error)}`);
    }
    delete holder.traceFile;
  }
  for (const inner of Object.values(holder)) readTraces(inner, base);
}
