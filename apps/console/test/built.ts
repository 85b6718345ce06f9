import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

export const ROOM = fileURLToPath(new URL('..', import.meta.url));

/** Builds the console as it is shipped into a folder of its own, so that a test never looks at an old build. */
export async function buildConsole(): Promise<{ readonly dist: string; remove(): void }> {
  const dist = mkdtempSync(join(tmpdir(), 'corridor-console-'));
  const before = process.env.NODE_ENV;
  // The test runner says "test", which would build React for development.
  process.env.NODE_ENV = 'production';
  try {
    await build({
      configFile: join(ROOM, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir: dist, emptyOutDir: true },
    });
  } finally {
    process.env.NODE_ENV = before;
  }
  return { dist, remove: () => rmSync(dist, { recursive: true, force: true }) };
}
