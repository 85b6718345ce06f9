/** `npm run bench -- throughput|footprint|failover|fleet|list …`: measurements, with their results in `results/`. */
import { join } from 'node:path';
import { lab, run } from './run.mjs';
import { root, runScript, setUp } from './setup.mjs';

const FLEET = join(root, 'apps/gateway/test/load/main.mjs');

await runScript(async () => {
  await setUp({ quiet: true });
  const [name, ...args] = process.argv.slice(2);
  return name === 'fleet' ? run(process.execPath, [FLEET, ...args]) : lab('bench', ...process.argv.slice(2));
});
