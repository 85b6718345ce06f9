import { allScenarios } from '../scenario/catalogue.js';
import { table } from './table.js';

/** `list`: the scenarios that there are. */
export function list(): number {
  const rows = allScenarios().map(({ name, description, durationUs }) => [name, `${durationUs / 1e6}`, description]);
  console.log(table(['scenario', 's', 'what happens'], rows));
  return 0;
}
