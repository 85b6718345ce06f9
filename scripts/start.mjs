/** `npm start`: the lab with a gateway and three vehicles on a drive, and a live view of them. */
import { lab } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp();
  return lab('watch', ...process.argv.slice(2));
});
