import { describe, expect, it } from 'vitest';
import { classRules } from './class-rules.js';

describe('the rules of a class', () => {
  it('have every default', () => {
    expect(classRules({ strategy: 'adaptive' }, 3)).toEqual({
      priority: 3,
      urgent: false,
      minShare: 0.05,
      deadlineUs: 3_000_000,
      redundancy: 0,
      order: 'auto',
      spread: 'packets',
      avoid: [],
      limits: { redundancy: 0, deadlineUs: 3_000_000, urgent: false, aggregate: true, flowPinned: false },
    });
  });

  it('are what the policy says', () => {
    const said = {
      strategy: 'adaptive',
      priority: 2,
      urgent: true,
      minShare: 0.2,
      deadlineMs: 500,
      redundancy: 1.5,
      order: 'flow',
      spread: 'flows',
      avoid: ['capped', 'metered'],
    } as const;
    expect(classRules(said, 7)).toEqual({
      priority: 2,
      urgent: true,
      minShare: 0.2,
      deadlineUs: 500_000,
      redundancy: 1.5,
      order: 'flow',
      spread: 'flows',
      avoid: ['capped', 'metered'],
      limits: { redundancy: 1.5, deadlineUs: 500_000, urgent: true, aggregate: true, flowPinned: true },
    });
  });

  it('keep priorities within those that there are', () => {
    expect(classRules({ strategy: 'adaptive' }, 16).priority).toBe(8);
  });

  it('avoid nothing in an emergency, and spread nothing where the class shall stay on one path', () => {
    const rules = classRules({ strategy: 'adaptive', avoid: ['metered'], emergency: true, spread: 'none' }, 1);
    expect(rules.avoid).toEqual([]);
    expect(rules.limits).toMatchObject({ aggregate: false, flowPinned: false });
  });
});
