/** `npm run agent -- enroll URL CLAIM | run | status | unenroll`: the agent as in a vehicle. */
import { program } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp({ quiet: true });
  return program('apps/agent/bin/corridor-agent.js', ...process.argv.slice(2));
});
