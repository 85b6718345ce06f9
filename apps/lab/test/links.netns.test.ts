/** One emulated link by itself, on real packets: runs `walk-of-links.mjs` in a sandbox of its own and judges it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LinkFigures } from '../src/face.js';

interface Answer {
  /** Address and port that the gateway saw, or null when nothing came back. */
  readonly answer: string | null;
  readonly ms: number;
}

type Seen = Readonly<Record<string, Answer>> & { readonly links: readonly LinkFigures[] };

const HERE = (name: string) => fileURLToPath(new URL(name, import.meta.url));
let seen: Seen;

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [HERE('enter.mjs'), 'walk-of-links.mjs']);
  seen = JSON.parse(stdout);
});

function port(answer: Answer): number {
  return Number(answer.answer?.split(' ')[1]);
}

describe('an emulated link', () => {
  it('shows the operator’s NAT address and port to the outside, the same one every time', () => {
    expect(seen.nat4.answer).toMatch(/^198\.18\.0\.1 \d+$/);
    expect(seen.nat6.answer).toMatch(/^2001:db8:1::1 \d+$/);
    expect(seen.again.answer).toBe(seen.nat4.answer);
    expect(port(seen.nat4)).not.toBe(7008);
  });

  it('shows the modem’s own address and port where there is no NAT', () => {
    expect(seen.plain4.answer).toBe('100.64.2.2 7008');
    expect(seen.plain6.answer).toBe('fd00:0:2::2 7008');
  });

  it('comes from another port after the NAT has rebound', () => {
    expect(seen.rebound.answer).toMatch(/^198\.18\.0\.1 \d+$/);
    expect(port(seen.rebound)).not.toBe(port(seen.nat4));
  });

  it('comes from another address after the modem has changed it', () => {
    expect(seen.moved4.answer).toBe('100.64.2.3 7008');
    expect(seen.moved6.answer).toBe('fd00:0:2::3 7008');
  });

  it.each(['up', 'down'])('carries nothing while it is cut %s, and again after the repair', (direction) => {
    expect(seen[`cut ${direction}`].answer).toBeNull();
    expect(seen[`restored ${direction}`].answer).toBe('100.64.2.3 7008');
    const figures = seen.links.find((link) => link.vehicle === 1 && link.direction === direction);
    expect(figures?.dropped).toBe(1);
  });

  it('takes at least its delay both ways, also after the delay has changed', () => {
    expect(seen.plain4.ms).toBeGreaterThanOrEqual(20);
    expect(seen.slower.ms).toBeGreaterThanOrEqual(70);
  });
});
