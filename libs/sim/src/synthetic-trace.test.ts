import { describe, expect, it } from 'vitest';
import { LinkDirection } from './link-direction.js';
import { Random } from './random.js';
import { syntheticDrive, syntheticTrace } from './synthetic-trace.js';

const options = { seed: 3, durationMs: 600_000, meanBps: 6e6 };

/** Longest time without an opportunity, milliseconds. */
function longestOutage(trace: readonly number[]): number {
  let longest = 0;
  for (let i = 1; i < trace.length; i++) longest = Math.max(longest, trace[i] - trace[i - 1]);
  return longest;
}

describe('a synthetic trace', () => {
  it('has the rate that was asked for, outages, and fades', () => {
    const trace = syntheticTrace(options);
    const meanBps = (trace.length * 1500 * 8) / (options.durationMs / 1_000);
    expect(meanBps / options.meanBps).toBeGreaterThan(0.7);
    expect(meanBps / options.meanBps).toBeLessThan(1.3);
    expect(longestOutage(trace)).toBeGreaterThan(700);
    expect(longestOutage(trace)).toBeLessThan(10_000);
    const perSecond = new Array<number>(600).fill(0);
    for (const ms of trace) perSecond[Math.min(599, Math.floor(ms / 1_000))]++;
    const sorted = perSecond.sort((a, b) => a - b);
    expect(sorted[60]).toBeLessThan(sorted[540] / 2);
  });

  it('is what a link takes, and the same for the same seed', () => {
    const trace = syntheticTrace(options);
    expect(syntheticTrace(options)).toEqual(trace);
    expect(syntheticTrace({ ...options, seed: 4 })).not.toEqual(trace);
    const direction = new LinkDirection({ traceMs: trace, delayUs: 1_000 }, new Random(1));
    expect(direction.offer(0, 1_000)).toBe(trace[0] * 1_000 + 1_000);
  });

  it('a drive has three operators that differ', () => {
    const drive = syntheticDrive(1, 20_000);
    expect(drive.map(({ name }) => name)).toEqual(['north', 'river', 'metro']);
    expect(new Set(drive.flatMap(({ up, down }) => [up.join(), down.join()])).size).toBe(6);
  });

  it.each([
    [{ durationMs: 0 }, /durationMs/],
    [{ meanBps: 0 }, /meanBps/],
  ])('refuses %j', (change, message) => {
    expect(() => syntheticTrace({ ...options, ...change })).toThrow(message);
  });
});
