import { defineConfig } from 'vitest/config';

/**
 * Workspace packages resolve to their sources (export condition `source`), so that a unit test never runs against a
 * stale build. Worker threads and child processes that a test starts run the build in `dist`, as users do.
 */
const conditions = ['source', 'node', 'import', 'module', 'default'];

/** Needs CAP_NET_ADMIN in a network namespace of its own; `npm test` provides it where the machine allows. */
const NAMESPACE_TESTS = ['**/*.netns.test.ts'];
const OUTPUT = ['**/node_modules/**', '**/dist/**', '**/build/**'];

export default defineConfig({
  resolve: { conditions },
  // Node gets these as --conditions and adds `import` or `require` itself: naming those gives CommonJS packages the wrong half.
  ssr: { resolve: { conditions: ['source', 'node'], externalConditions: ['source', 'node'] } },
  test: {
    // The machines we build on have two cores: more workers only make every test slower and less even.
    maxWorkers: 2,
    pool: 'forks',
    execArgv: ['--expose-gc'],
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['libs/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...OUTPUT, ...NAMESPACE_TESTS],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'netns',
          include: NAMESPACE_TESTS,
          exclude: OUTPUT,
          // One at a time: they move real packets and would measure each other.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
