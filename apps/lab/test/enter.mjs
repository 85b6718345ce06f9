/** Runs a script of this folder inside the lab's sandbox: `node enter.mjs walk-of-links.mjs`. Uses the build. */
import { fileURLToPath } from 'node:url';
import { insideSandbox, runInSandbox, settleInSandbox } from '../dist/sandbox/enter.js';

const [script] = process.argv.slice(2);
if (insideSandbox()) {
  settleInSandbox(() => process.exit(1));
  await import(new URL(script, import.meta.url).href);
  process.exit(0);
}
process.exit(await runInSandbox(fileURLToPath(import.meta.url), [script]));
