/**
 * `npm test [-- vitest arguments]`: unit tests everywhere, and the tests on real packets wherever this machine lets us
 * have network namespaces of our own (as root, or by an unprivileged user namespace).
 */
import { join } from 'node:path';
import { run, sandbox } from './run.mjs';
import { root, runScript, setUp } from './setup.mjs';

await runScript(async () => {
  await setUp();
  const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--passWithNoTests=false'];
  const args = process.argv.slice(2);
  const { prefix, reason } = sandbox();
  if (prefix !== undefined) return run(prefix[0], [...prefix.slice(1), ...vitest, ...args]);
  process.stderr.write(`test: no network namespaces here, so tests on real packets (*.netns.test.ts) are left out.\n`);
  process.stderr.write(`test: ${reason}\n`);
  return run(vitest[0], [...vitest.slice(1), '--project', 'unit', ...args]);
});
