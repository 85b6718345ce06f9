/** Every scenario that the lab can run: the ones shared with the simulator, and the lab's own files. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Scenario, scenarios } from '@corridor/sim';
import { checkScenario, ScenarioError } from './check.js';

const FOLDER = new URL('../../scenarios/', import.meta.url);

export function allScenarios(): readonly Scenario[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  return [...scenarios, ...files.sort().map((file) => loadScenario(new URL(file, FOLDER)))];
}

/** A scenario by its name, or from a file when the name is a path that ends in `.json`. @throws ScenarioError */
export function findScenario(name: string): Scenario {
  if (name.endsWith('.json')) return loadScenario(name);
  const all = allScenarios();
  const found = all.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new ScenarioError(`there is no scenario "${name}"; "npm run lab -- list" shows them`);
}

function loadScenario(file: string | URL): Scenario {
  const name = String(file).split('/').pop() ?? '';
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ScenarioError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkScenario(value, name);
}
