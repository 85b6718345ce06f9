/** `npm run build`: dependencies, native addon and compiled TypeScript, whatever of it is missing or old. */
import { runScript, setUp } from './setup.mjs';

await runScript(() => setUp());
