import { type FlowResult, scenarioNamed } from '@corridor/sim';
import { expect, it } from 'vitest';
import { extraBytes } from './extra-bytes.js';

const flow = (sent: number) => ({ sent }) as FlowResult;

it('counts bytes beyond every packet once in a datagram of its own', () => {
  // Vital signs and video up, vital signs down: 200, 1,200 and 200 bytes, 68 more each on the link.
  const flows = [flow(10), flow(100), flow(10)];
  const once = 10 * 268 + 100 * 1268 + 10 * 268;
  const wire = { bytes: once * 1.1 + 5_000, smallBytes: 5_000 };
  const extra = extraBytes({ ...scenarioNamed('clean'), outsideFamily: 4 }, flows, wire);
  expect(extra.data).toBeCloseTo(0.1, 9);
  expect(extra.control).toBeCloseTo(5_000 / once, 9);
  const v6 = once + 120 * 20;
  expect(
    extraBytes({ ...scenarioNamed('clean'), outsideFamily: 6 }, flows, { bytes: v6, smallBytes: 0 }).data,
  ).toBeCloseTo(0, 9);
});
