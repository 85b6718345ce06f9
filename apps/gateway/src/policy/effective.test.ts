import { MAX_CLASSES, type PolicyLayer, type PolicySource } from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILT_IN_LAYER, BUILT_IN_VERSION } from './built-in.js';
import { digestOf, effectivePolicy, type SourcedLayer } from './effective.js';
import { checkContent, checkLayer } from './policy-check.js';

const match = [{ dscp: [46] }];
const ID = '01a20791-c75a-7654-8f96-766ab941b074';

function layer(parts: Partial<PolicyLayer> = {}): PolicyLayer {
  return { kind: 'policy-layer', v: 1, classes: [], without: [], ...parts };
}

function at(scope: PolicySource['scope'], parts: Partial<PolicyLayer>, version = 1): SourcedLayer {
  const source: PolicySource = scope === 'built-in' ? { scope, version } : { scope, id: ID, version };
  return { source, layer: layer(parts) };
}

const bottom = at('built-in', {
  default: { strategy: 'active-standby' },
  classes: [
    { name: 'vitals', strategy: 'redundant', match },
    { name: 'video', strategy: 'smallest-delay', match: [{ dscp: [34] }] },
  ],
});

describe('layers over each other', () => {
  const summary = (...above: SourcedLayer[]) => {
    const { content } = effectivePolicy([bottom, ...above]);
    return [content.default.strategy, ...content.classes.map(({ name, strategy }) => `${name}=${strategy}`)].join(' ');
  };
  test.each([
    ['nothing above the built-in layer', [], 'active-standby vitals=redundant video=smallest-delay'],
    ['an empty layer changes nothing', [at('group', {})], 'active-standby vitals=redundant video=smallest-delay'],
    [
      'a default replaces the default',
      [at('organisation', { default: { strategy: 'smallest-delay' } })],
      'smallest-delay vitals=redundant video=smallest-delay',
    ],
    [
      'the layer nearest to the vehicle wins',
      [
        at('organisation', { default: { strategy: 'smallest-delay' } }),
        at('vehicle', { default: { strategy: 'redundant' } }),
      ],
      'redundant vitals=redundant video=smallest-delay',
    ],
    [
      'a class of the same name replaces it where it stands',
      [at('group', { classes: [{ name: 'vitals', strategy: 'smallest-delay', match }] })],
      'active-standby vitals=smallest-delay video=smallest-delay',
    ],
    [
      'another class is added behind',
      [at('group', { classes: [{ name: 'sonar', strategy: 'redundant', match }] })],
      'active-standby vitals=redundant video=smallest-delay sonar=redundant',
    ],
    ['a class can be taken out', [at('vehicle', { without: ['vitals'] })], 'active-standby video=smallest-delay'],
    [
      'a class that was taken out can be put back, behind the others',
      [
        at('group', { without: ['vitals'] }),
        at('vehicle', { classes: [{ name: 'vitals', strategy: 'active-standby', match }] }),
      ],
      'active-standby video=smallest-delay vitals=active-standby',
    ],
    [
      'taking out what is not there is nothing',
      [at('vehicle', { without: ['unknown'] })],
      'active-standby vitals=redundant video=smallest-delay',
    ],
  ])('%s', (_, above, expected) => {
    expect(summary(...above)).toBe(expected);
  });

  test('says which layer set what, and which took part', () => {
    const group = at(
      'group',
      { classes: [{ name: 'vitals', strategy: 'smallest-delay', match }], without: ['video'] },
      4,
    );
    const vehicle = at('vehicle', { default: { strategy: 'redundant' } }, 2);
    const { setBy, sources } = effectivePolicy([bottom, group, vehicle]);
    expect(setBy).toEqual({ default: vehicle.source, vitals: group.source });
    expect(sources).toEqual([bottom.source, group.source, vehicle.source]);
  });

  test('without a default below, there is no policy', () => {
    expect(() => effectivePolicy([at('group', {})])).toThrow(TypeError);
  });
});

describe('for all layers', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const strategy = fc.constantFrom('active-standby', 'smallest-delay', 'redundant');
  const anyLayer = fc
    .record({
      default: fc.option(fc.record({ strategy }), { nil: undefined }),
      classes: fc.uniqueArray(fc.record({ name, strategy, match: fc.constant(match) }), {
        selector: (each) => each.name,
      }),
      without: fc.uniqueArray(name),
    })
    .map((parts) =>
      at('group', {
        ...(parts.default && { default: parts.default }),
        classes: parts.classes,
        without: parts.without.filter((each) => !parts.classes.some((one) => one.name === each)),
      }),
    );
  const layers = fc.array(anyLayer, { maxLength: 4 });

  test('the same layer twice is the same as once', () => {
    fc.assert(
      fc.property(layers, anyLayer, (below, top) => {
        const once = effectivePolicy([bottom, ...below, top]);
        const twice = effectivePolicy([bottom, ...below, top, top]);
        expect(twice.digest).toBe(once.digest);
        expect(twice.setBy).toEqual(once.setBy);
      }),
    );
  });

  test('what the top layer says is in the result, what it takes out is not', () => {
    fc.assert(
      fc.property(layers, anyLayer, (below, top) => {
        const { content } = effectivePolicy([bottom, ...below, top]);
        expect(content.classes).toEqual(expect.arrayContaining(top.layer.classes));
        expect(content.classes.some((each) => top.layer.without.includes(each.name))).toBe(false);
        if (top.layer.default) expect(content.default).toEqual(top.layer.default);
      }),
    );
  });

  test('each part of the result has the layer that set it, and no name twice', () => {
    fc.assert(
      fc.property(layers, (above) => {
        const { content, setBy } = effectivePolicy([bottom, ...above]);
        const names = content.classes.map((each) => each.name);
        expect(new Set(names).size).toBe(names.length);
        expect(Object.keys(setBy).sort()).toEqual(['default', ...names].sort());
      }),
    );
  });

  test('the digest follows the content, not where it came from', () => {
    fc.assert(
      fc.property(layers, (above) => {
        const result = effectivePolicy([bottom, ...above]);
        const flat = at('vehicle', { default: result.content.default, classes: [...result.content.classes] }, 9);
        expect(effectivePolicy([flat]).digest).toBe(result.digest);
        expect(digestOf(JSON.parse(JSON.stringify(result.content)))).toBe(result.digest);
      }),
    );
  });
});

describe('the built-in layer', () => {
  test('is a policy that the engine follows', () => {
    const { content } = effectivePolicy([
      { source: { scope: 'built-in', version: BUILT_IN_VERSION }, layer: BUILT_IN_LAYER },
    ]);
    expect(() => checkContent(content, 'built-in')).not.toThrow();
  });

  test('has not changed without a new version', () => {
    const { content } = effectivePolicy([
      { source: { scope: 'built-in', version: BUILT_IN_VERSION }, layer: BUILT_IN_LAYER },
    ]);
    expect([BUILT_IN_VERSION, digestOf(content).slice(0, 16)]).toEqual([2, '528259106769da08']);
  });
});

describe('a layer to be saved', () => {
  test.each([
    [
      { default: { strategy: 'magic' } },
      'layer.default.strategy: expected one of adaptive, active-standby, smallest-delay, load-balancing',
    ],
    [{ default: { strategy: 'active-standby', options: { x: 1 } } }, 'layer.default.options: x: unknown option'],
    [
      { classes: [{ name: 'a', strategy: 'redundant', match: [{ ports: ['9-5'] }] }] },
      'layer.classes[0].match[0].ports[0]',
    ],
    [{ classes: [{ name: 'a', strategy: 'redundant', match: [{ prefixes: ['10.1.2.3/8'] }] }] }, 'without bits beyond'],
    [{ classes: [{ name: 'a', strategy: 'redundant', match: [{ vlan: 5 }] }] }, 'vlan: is not known here'],
    [{ classes: [{ name: 'a', strategy: 'redundant', match, weight: 1 }] }, 'classes[0].weight: is not known here'],
    [{ classes: [{ name: 'default', strategy: 'redundant', match }] }, 'which is taken'],
    [
      { classes: [{ name: 'a', strategy: 'redundant', match }], without: ['a'] },
      'layer.classes[0].name: expected a class',
    ],
    [
      {
        classes: [
          { name: 'a', strategy: 'redundant', match },
          { name: 'a', strategy: 'redundant', match },
        ],
      },
      'layer.classes[1].name: expected a name that no other class has',
    ],
    [{ clases: [] }, 'layer.clases: is not known here'],
  ])('%j is refused: %s', (parts, message) => {
    expect(() => checkLayer(layer(parts as Partial<PolicyLayer>))).toThrow(message);
  });

  test('may have as many classes as the engine has numbers for', () => {
    const classes = Array.from({ length: MAX_CLASSES }, (_, index) => ({
      name: `c${index}`,
      strategy: 'redundant',
      match,
    }));
    expect(() => checkLayer(layer({ classes }))).not.toThrow();
    const { content } = effectivePolicy([bottom, at('group', { classes })]);
    expect(() => checkContent(content, 'together')).toThrow(/together: classes: expected at most 15 classes, got 17/);
  });
});
