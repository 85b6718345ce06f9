/** Streams with helpers in Python, over one link or by MPTCP: runs `walk-of-streams.mjs` in a sandbox and judges bytes. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StreamFigures } from '../src/bench/ground/streams.js';
import type { FlowFigures } from '../src/face.js';

interface Seen {
  readonly name: string;
  /** Bytes that the busiest link had carried before: links start anew. */
  readonly atStart: number;
  readonly carried: Readonly<Record<string, number>>;
  readonly figures: StreamFigures & FlowFigures;
}

const HERE = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const HAS_PYTHON = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 10)']).status === 0;
const HAS_MPTCP = existsSync('/proc/sys/net/mptcp/enabled');
let all: readonly Seen[];

function seen(name: string): Seen {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`nothing was seen of ${name}`);
  return found;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe.skipIf(!HAS_PYTHON)('streams of the benches', () => {
  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [HERE('enter.mjs'), 'walk-of-streams.mjs']);
    all = JSON.parse(stdout);
  });

  it('start on links that are as new', () => {
    for (const { atStart } of all) expect(atStart).toBe(0);
  });

  it('that are bound to a link use that one alone', () => {
    const { figures, carried } = seen('bare');
    expect(sum(figures.bytes)).toBeGreaterThan(100_000);
    expect(carried['w1 up']).toBeGreaterThan(sum(figures.bytes));
    expect(carried['w0 up']).toBe(0);
  });

  it.skipIf(!HAS_MPTCP)('by MPTCP use both links, each way', () => {
    for (const direction of ['up', 'down']) {
      const { figures, carried } = seen(`mptcp ${direction}`);
      expect(sum(figures.bytes)).toBeGreaterThan(100_000);
      for (const link of ['w0', 'w1']) expect(carried[`${link} ${direction}`]).toBeGreaterThan(20_000);
    }
  });

  it('carry every message of a paced one, none sooner than the link', () => {
    const { messages } = seen('paced').figures;
    expect(messages?.delaysUs).toHaveLength(100);
    expect(Math.min(...(messages?.delaysUs ?? []))).toBeGreaterThanOrEqual(5_000);
  });

  it('leave room for flows of packets over a link alone', () => {
    const { figures, carried } = seen('flow');
    expect([figures.sent, figures.received]).toEqual([50, 50]);
    expect(figures.delay.p50Us).toBeGreaterThanOrEqual(5_000);
    expect([carried['w0 down'], carried['w1 down']]).toEqual([0, 50 * 200]);
  });
});
