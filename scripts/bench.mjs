/** `npm run bench -- throughput|footprint|failover|list …`: measurements, with their results in `results/`. */
import { lab } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp({ quiet: true });
  return lab('bench', ...process.argv.slice(2));
});
