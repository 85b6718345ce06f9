import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/**
 * Measured: 0 (TUN) and 3 (UDP) bytes. A batch carries up to hundreds of packets; 16 bytes are one boxed double (a
 * clock value that V8 did not keep in a register). Anything per packet would show as 64 times its size.
 */
const BUDGET_BYTES_PER_BATCH = 32;

test('the loop allocates nothing per batch', () => {
  const script = fileURLToPath(new URL('../test/loop-allocation.mjs', import.meta.url));
  const output = execFileSync(process.execPath, ['--expose-gc', '--max-semi-space-size=128', script], {
    encoding: 'utf8',
  });
  const measured = JSON.parse(output) as { tunBytesPerBatch: number; udpBytesPerBatch: number };
  expect(measured.tunBytesPerBatch).toBeLessThan(BUDGET_BYTES_PER_BATCH);
  expect(measured.udpBytesPerBatch).toBeLessThan(BUDGET_BYTES_PER_BATCH);
});
