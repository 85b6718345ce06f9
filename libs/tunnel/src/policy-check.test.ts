import { type StrategyFactory, StrategyOptionsError } from '@corridor/strategy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PolicyError } from './policy.js';
import { checkPolicy } from './policy-check.js';

const strategies: StrategyFactory[] = ['active-standby', 'redundant'].map((name) => ({
  name,
  description: name,
  create(options) {
    for (const key of Object.keys(options)) {
      if (key !== 'copies') throw new StrategyOptionsError(`${key}: is not known`);
    }
    return { plan: ({ paths }) => ({ mode: 'single', paths: [paths[0].id], reason: 'first' }) };
  },
}));

const whole = {
  version: 7,
  default: { strategy: 'active-standby' },
  classes: [
    {
      name: 'vitals',
      strategy: 'redundant',
      options: { copies: 2 },
      match: [
        { dscp: [46, 0], protocol: 'udp', ports: [5000, '6000-6010'], prefixes: ['10.77.0.0/24', 'fd77::/64'] },
        {},
      ],
    },
    {
      name: 'video',
      strategy: 'active-standby',
      match: [{ dscp: [34] }],
      priority: 2,
      urgent: false,
      minShare: 0.25,
      deadlineMs: 800,
      redundancy: 0.1,
      order: 'flow',
      spread: 'flows',
      avoid: ['capped', 'roaming', 'metered'],
      emergency: true,
    },
  ],
};

function refusal(value: unknown): PolicyError {
  try {
    checkPolicy(value, strategies);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** The whole policy with one member changed, named by its path. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(whole) as unknown as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() as string;
  const parent = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  parent[last] = value;
  return copy;
}

describe('a policy', () => {
  it('that promises more than there is is refused, the shares that are not spelled out included', () => {
    const policy = (minShare: number) => ({
      default: { strategy: 'redundant', minShare: 0.5 },
      classes: [
        { name: 'a', strategy: 'redundant', match: [{}], minShare },
        { name: 'b', strategy: 'redundant', match: [{}] },
      ],
    });
    expect(refusal(policy(0.46)).message).toBe(
      'minShare: expected shares that are 1 together at most (0.05 where a class says nothing), got 1.01',
    );
    expect(checkPolicy(policy(0.45), strategies).classes).toHaveLength(2);
  });

  it('that is right comes back as it was', () => {
    expect(checkPolicy(whole, strategies)).toEqual(whole);
    expect(checkPolicy(JSON.parse(JSON.stringify(whole)), strategies)).toEqual(whole);
  });

  it('needs no version and no classes', () => {
    const least = { default: { strategy: 'redundant' } };
    expect(checkPolicy(least, strategies)).toEqual({ version: 0, ...least, classes: [] });
  });

  it.each([
    ['version', -1, 'version', 'a whole number from 0 to 4294967295'],
    ['version', 1.5, 'version', 'a whole number'],
    ['version', '1', 'version', 'a whole number'],
    ['versoin', 1, 'versoin', 'not known here, expected one of version, default, classes'],
    ['default', undefined, 'default', 'expected an object, got nothing'],
    ['default', [], 'default', 'expected an object, got []'],
    ['default.strategy', 'fastest', 'default.strategy', 'one of active-standby, redundant, got "fastest"'],
    ['default.name', 'x', 'default.name', 'not known'],
    ['default.options', 4, 'default.options', 'expected an object, got 4'],
    ['default.options', { speed: 1 }, 'default.options', 'speed: is not known'],
    ['classes', {}, 'classes', 'expected a list'],
    ['default.priority', 0, 'default.priority', 'a whole number from 1 to 8, got 0'],
    ['default.priority', 9, 'default.priority', 'a whole number from 1 to 8, got 9'],
    ['default.priority', 1.5, 'default.priority', 'a whole number from 1 to 8'],
    ['default.urgent', 'yes', 'default.urgent', 'expected true or false, got "yes"'],
    ['default.minShare', 0.51, 'default.minShare', 'a number from 0 to 0.5, got 0.51'],
    ['default.minShare', -0.1, 'default.minShare', 'a number from 0 to 0.5'],
    ['default.minShare', Number.NaN, 'default.minShare', 'a number from 0 to 0.5'],
    ['default.deadlineMs', 19, 'default.deadlineMs', 'a whole number from 20 to 3000, got 19'],
    ['default.deadlineMs', 3_001, 'default.deadlineMs', 'a whole number from 20 to 3000'],
    ['default.redundancy', 4.1, 'default.redundancy', 'a number from 0 to 4, got 4.1'],
    ['default.redundancy', '1', 'default.redundancy', 'a number from 0 to 4, got "1"'],
    ['default.order', 'tcp', 'default.order', 'one of auto, flow, none, got "tcp"'],
    ['default.spread', true, 'default.spread', 'one of packets, flows, none'],
    ['default.avoid', 'metered', 'default.avoid', 'a list, got "metered"'],
    ['default.avoid', ['lte'], 'default.avoid[0]', 'one of metered, roaming, capped'],
    ['default.avoid', ['metered', 'metered'], 'default.avoid[1]', 'each kind once, got "metered"'],
    ['default.emergency', 1, 'default.emergency', 'true or false'],
    ['classes.1.deadline', 800, 'classes[1].deadline', 'not known here'],
    ['classes.1.redundancy', -1, 'classes[1].redundancy', 'a number from 0 to 4'],
    ['classes', new Array(16).fill(whole.classes[0]), 'classes', 'at most 15 classes, got 16'],
    ['classes', [whole.classes[0], whole.classes[0]], 'classes[1].name', 'a name that no other class has'],
    ['classes.0.name', 'default', 'classes[0].name', 'a name that no other class has'],
    ['classes.0.name', '', 'classes[0].name', 'a name of 1 to 64 characters'],
    ['classes.0.match', [], 'classes[0].match', 'at least one match'],
    ['classes.0.match', undefined, 'classes[0].match', 'a list'],
    ['classes.0.match.1', null, 'classes[0].match[1]', 'an object, got null'],
    ['classes.0.match.1.port', [1], 'classes[0].match[1].port', 'not known here'],
    ['classes.0.match.1.dscp', [64], 'classes[0].match[1].dscp[0]', 'a whole number from 0 to 63, got 64'],
    ['classes.0.match.1.dscp', [], 'classes[0].match[1].dscp', 'at least one member'],
    ['classes.0.match.1.dscp', 46, 'classes[0].match[1].dscp', 'a list, got 46'],
    ['classes.0.match.1.protocol', 'sctp', 'classes[0].match[1].protocol', 'one of tcp, udp, icmp'],
    ['classes.0.match.1.ports', [1, 65_536], 'classes[0].match[1].ports[1]', 'a whole number from 0 to 65535'],
    ['classes.0.match.1.ports', ['10-9'], 'classes[0].match[1].ports[0]', 'a range such as'],
    ['classes.0.match.1.ports', ['80'], 'classes[0].match[1].ports[0]', 'a range such as'],
    ['classes.0.match.1.prefixes', ['10.0.0.0/99'], 'classes[0].match[1].prefixes[0]', 'a prefix such as'],
    [
      'classes.0.match.1.prefixes',
      ['10.77.0.1/24'],
      'classes[0].match[1].prefixes[0]',
      'without bits beyond its length 24',
    ],
  ])('with %s = %j is refused at %s', (path, value, key, message) => {
    const error = refusal(changed(path, value));
    expect(error.key).toBe(key);
    expect(error.message).toContain(message);
    expect(error.code).toBe('ERR_POLICY');
  });

  it('of any other kind is refused with a PolicyError, nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(refusal(value).message.length).toBeLessThan(300);
      }),
    );
  });
});
