import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../test/reordering-allocation.mjs', import.meta.url));
const build = fileURLToPath(new URL('../../dist/reordering/index.js', import.meta.url));

interface Figures {
  readonly bytes: number;
  readonly timeouts: number;
  readonly filled: number;
  readonly kept: number;
}

describe.skipIf(!existsSync(build))('restoring the order', () => {
  it.each([
    ['times that are small integers', '0'],
    ['times that V8 has to box', '5000000000.5'],
  ])(
    'allocates nothing for a packet, at %s',
    (_name, startUs) => {
      const output = execFileSync(process.execPath, ['--expose-gc', script, startUs], { encoding: 'utf8' });
      const { figures } = JSON.parse(output) as { figures: Record<string, Figures> };
      // Measured below 0.1: code that V8 compiles meanwhile. One boxed number a packet would be 16.
      expect(figures.inOrder.bytes).toBeLessThan(2);
      expect(figures.interleaved.bytes).toBeLessThan(2);
      // It did what it is measured for.
      expect(figures.inOrder).toMatchObject({ timeouts: 0, filled: 0, kept: 0 });
      expect(Math.min(figures.interleaved.timeouts, figures.interleaved.filled)).toBeGreaterThan(100_000);
    },
    60_000,
  );
});
