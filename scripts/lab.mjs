/** `npm run lab -- SCENARIO|list|watch …`: scenarios on real packets. */
import { lab } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp({ quiet: true });
  return lab(...process.argv.slice(2));
});
