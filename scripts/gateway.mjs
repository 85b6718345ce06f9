/** `npm run gateway`: the gateway as in production, configured by its environment (docs/configuration.md). */
import { program } from './run.mjs';
import { runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp({ quiet: true });
  return program('apps/gateway/bin/corridor-gateway.js', ...process.argv.slice(2));
});
