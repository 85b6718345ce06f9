import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('engine-hot-path.mjs', import.meta.url));
const build = fileURLToPath(new URL('../dist/index.js', import.meta.url));

/**
 * Bytes that a batch of 44 packets, sent, received, delivered and acknowledged, may leave on the heap of both engines
 * together: less than 12 for each packet would be one boxed number a packet. Measured: about 150 to 300, most of it
 * the doubles that the public calls take and answer, and the plans that strategies make five times a second.
 */
const BUDGET_BYTES = 44 * 12;

function measure(startUs: string): number {
  const args = ['--expose-gc', '--max-semi-space-size=256', script, '2000', startUs];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).bytesPerBatch;
}

describe.skipIf(!existsSync(build))('the way of a batch', () => {
  it.each([
    ['times that are small integers', '0'],
    ['times that V8 has to box', '5000000000.5'],
  ])(
    'allocates nothing for a packet, at %s',
    (_name, startUs) => {
      // What V8 inlines differs a little from run to run; what the code allocates does not.
      let bytes = measure(startUs);
      for (let again = 0; again < 2 && bytes >= BUDGET_BYTES; again++) bytes = measure(startUs);
      expect(bytes).toBeLessThan(BUDGET_BYTES);
    },
    60_000,
  );
});
