/** `npm run agent -- enroll URL CLAIM | run | status …`: the Pi agent, as it runs in a vehicle. */
import { join } from 'node:path';
import { run } from './run.mjs';
import { root, runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp({ quiet: true });
  return run(join(root, 'apps/agent/bin/corridor-agent.js'), process.argv.slice(2));
});
