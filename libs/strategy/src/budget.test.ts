import { describe, expect, it } from 'vitest';
import { RedundancyBudget } from './budget.js';

const STEP_US = 200_000;

/** For how many of so many steps copies were paid for, when they are bought whenever they can be. */
function bought(budget: RedundancyBudget, redundancy: number, steps: number, fromUs = 0): number {
  let spent = 0;
  let count = 0;
  for (let step = 0; step < steps; step++) {
    budget.pass(fromUs + step * STEP_US, redundancy, spent, true);
    spent = budget.affordsCopies ? 1 : 0;
    count += spent;
  }
  return count;
}

describe('the budget of a class', () => {
  it('saves 10 s of its redundancy, and has half of it at the start', () => {
    expect((bought(new RedundancyBudget(), 0.2, 10) * STEP_US) / 1e6).toBeCloseTo(1.4, 1);
    const saved = new RedundancyBudget();
    for (let step = 0; step < 1_000; step++) saved.pass(step * STEP_US, 0.2, 0, true);
    expect((bought(saved, 0.2, 14, 200e6) * STEP_US) / 1e6).toBeCloseTo(2.6, 1);
  });

  it.each([0.05, 0.1, 0.3, 0.8])('is spent at a rate of %f in the long run', (redundancy) => {
    const steps = 10_000;
    expect(bought(new RedundancyBudget(), redundancy, steps) / steps).toBeCloseTo(redundancy, 1);
  });

  it('of 1 and more is never short of a copy', () => {
    expect(bought(new RedundancyBudget(), 1, 1_000)).toBe(1_000);
  });

  it('does not begin again for a moment: what it buys lasts', () => {
    const budget = new RedundancyBudget();
    const runs: number[] = [];
    let spent = 0;
    for (let step = 0; step < 3_000; step++) {
      budget.pass(step * STEP_US, 0.1, spent, true);
      const affords = budget.affordsCopies ? 1 : 0;
      if (affords === 1) {
        if (spent === 1) runs[runs.length - 1]++;
        else runs.push(1);
      }
      spent = affords;
    }
    expect(Math.min(...runs)).toBeGreaterThanOrEqual(2);
  });

  it('earns nothing while the class is idle', () => {
    const budget = new RedundancyBudget();
    bought(budget, 0.1, 15);
    for (let step = 0; step < 1_000; step++) budget.pass(3e6 + step * STEP_US, 0.1, 0, false);
    expect(budget.affordsCopies).toBe(false);
    for (let step = 0; step < 30; step++) budget.pass(203e6 + step * STEP_US, 0.1, 0, true);
    expect(budget.affordsCopies).toBe(true);
  });
});
