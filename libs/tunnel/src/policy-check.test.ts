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
