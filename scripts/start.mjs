/** `npm start`: the gateway with its console and a demo fleet of ambulances, in network namespaces of its own. */
import { lab } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp();
  return lab('fleet', ...process.argv.slice(2));
});
