import {
  type LiveVehicle,
  type PolicyLayer,
  PolicyLayer as PolicyLayerSchema,
  type VehicleEvent,
} from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventOf, FixtureVehicle, type Mood } from '../../test/fixture/fleet.js';
import { featureDiff, geoJson, type VehicleFeature, vehicleFeatures } from '../map/features.js';
import { visibleRange } from '../ui/virtual.js';
import { countStates, NO_QUERY, selectVehicles } from './fleet/query.js';
import { draftOf, layerOf, matchText, newClass } from './policy/draft.js';
import { layerChanges, rebased } from './policy/layer-diff.js';
import { pushSteps } from './policy/PushSteps.js';
import { figureRows, withEffects } from './vehicle/decisions.js';
import { matchesFilter, mergedEvents, wordsOf } from './vehicle/event-words.js';

const NOW = Date.parse('2026-11-23T08:00:00.000Z');
const MOODS: readonly Mood[] = ['live', 'stale', 'offline', 'never', 'control-lost'];
const fixtures = MOODS.map((mood, index) => new FixtureVehicle(index, null, mood));
const fleet: LiveVehicle[] = fixtures.map((fixture) => fixture.vehicle(NOW));
const namesOf = (vehicles: readonly LiveVehicle[]) => vehicles.map(({ name }) => name.replace('Ambulance ', ''));

describe('the fleet list', () => {
  it('shows trouble first: offline, stale, then what is live with trouble', () => {
    expect(namesOf(selectVehicles(fleet, NO_QUERY, true))).toEqual(['3', '2', '5', '1', '4']);
  });

  it('calls nothing live when the feed is not current', () => {
    expect(countStates(fleet, true)).toMatchObject({ all: 5, live: 2, stale: 1, offline: 1, never: 1, unknown: 0 });
    expect(countStates(fleet, false)).toMatchObject({ live: 0, stale: 0, offline: 0, never: 1, unknown: 4 });
    expect(selectVehicles(fleet, { ...NO_QUERY, state: 'live' }, false)).toEqual([]);
  });

  it('finds words in names, addresses and operators, and sorts names as people do', () => {
    const twelve = { ...(fleet[0] as LiveVehicle), id: 'x', name: 'Ambulance 12' };
    expect(namesOf(selectVehicles([twelve, ...fleet], { ...NO_QUERY, sort: 'name' }, true))).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '12',
    ]);
    expect(namesOf(selectVehicles(fleet, { ...NO_QUERY, search: '10.77.0.4' }, true))).toEqual(['3']);
    expect(selectVehicles(fleet, { ...NO_QUERY, search: 'vodafone ambul' }, true)).toHaveLength(5);
    expect(selectVehicles(fleet, { ...NO_QUERY, search: 'nobody' }, true)).toEqual([]);
  });

  it('draws only the rows in sight', () => {
    expect(visibleRange(0, 660, 66, 1000)).toEqual({ first: 0, end: 16 });
    expect(visibleRange(66 * 500, 660, 66, 1000)).toEqual({ first: 494, end: 516 });
    expect(visibleRange(66_000, 660, 66, 1000)).toEqual({ first: 994, end: 1000 });
    expect(visibleRange(5000, 660, 66, 0)).toEqual({ first: 0, end: 0 });
  });
});

describe('the map', () => {
  it('gets by diffs what it would get whole', () => {
    const moment = fc.record({ second: fc.nat(500), shown: fc.subarray([0, 1, 2, 3, 4]), isCurrent: fc.boolean() });
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 12 }), (moments) => {
        const map = new Map<string, GeoJSON.Feature>();
        let before: ReadonlyMap<string, VehicleFeature> = new Map();
        for (const { second, shown, isCurrent } of moments) {
          const after = vehicleFeatures(
            shown.map((at) => (fixtures[at] as FixtureVehicle).vehicle(NOW + second * 1000)),
            isCurrent,
          );
          applyToMap(map, featureDiff(before, after));
          before = after;
        }
        expect(map).toEqual(new Map([...before].map(([id, feature]) => [id, geoJson(feature)])));
      }),
    );
  });

  it('is left alone when nothing moved', () => {
    const features = vehicleFeatures(fleet, true);
    expect(featureDiff(features, vehicleFeatures(fleet, true))).toBeNull();
    expect(features.has((fixtures[3] as FixtureVehicle).id)).toBe(false);
  });
});

/** What MapLibre does with a diff, in its order. */
function applyToMap(map: Map<string, GeoJSON.Feature>, diff: ReturnType<typeof featureDiff>) {
  for (const id of diff?.remove ?? []) map.delete(id as string);
  for (const feature of diff?.add ?? []) map.set(feature.id as string, feature);
  for (const { id, newGeometry, removeProperties, addOrUpdateProperties } of diff?.update ?? []) {
    const old = map.get(id as string) as GeoJSON.Feature;
    const properties = { ...old.properties };
    for (const key of removeProperties ?? []) delete properties[key];
    for (const { key, value } of addOrUpdateProperties ?? []) properties[key] = value;
    map.set(id as string, { ...old, geometry: newGeometry ?? old.geometry, properties });
  }
}

function layer(part: Record<string, unknown>): PolicyLayer {
  return PolicyLayerSchema.parse({ kind: 'policy-layer', v: 1, ...part });
}
const VITALS = {
  name: 'vitals',
  strategy: 'redundant',
  options: { copies: 2 },
  match: [{ dscp: [46] }, { protocol: 'udp', ports: [5004, '6000-6100'], prefixes: ['10.0.0.0/8'] }],
};

describe('the policy form', () => {
  it('gives back the layer that it was filled with', () => {
    const full = layer({
      default: { strategy: 'smallest-delay', options: { a: 1 } },
      classes: [VITALS],
      without: ['video'],
    });
    expect(layerOf(draftOf(full))).toEqual({ ok: true, layer: full });
    expect(layerOf(draftOf(layer({})))).toEqual({ ok: true, layer: layer({}) });
  });

  it('gives back what a class is worth, and says by key what cannot be', () => {
    const worth = {
      priority: 2,
      urgent: false,
      minShare: 0.25,
      deadlineMs: 800,
      redundancy: 0.1,
      order: 'flow',
      spread: 'none',
      avoid: ['roaming', 'metered'],
      emergency: true,
    };
    const full = layer({ default: { strategy: 'adaptive', ...worth }, classes: [{ ...VITALS, ...worth, avoid: [] }] });
    expect(layerOf(draftOf(full))).toEqual({ ok: true, layer: full });
    const draft = draftOf(full);
    const typed = { ...draft.defaultWorth, redundancy: '0,2', minShare: 'half', deadlineMs: '5000', priority: ' 3 ' };
    const read = layerOf({ ...draft, defaultWorth: typed });
    expect(read.ok ? {} : read.errors).toEqual({
      'default.minShare': 'expected a number from 0 to 0.5',
      'default.deadlineMs': 'expected a whole number from 20 to 3000',
    });
    const right = layerOf({ ...draft, defaultWorth: { ...typed, minShare: '', deadlineMs: '' } });
    expect(right.ok && right.layer.default).toMatchObject({ redundancy: 0.2, priority: 3 });
    expect(right.ok && right.layer.default).not.toHaveProperty('minShare');
  });

  it('says by key what is wrong', () => {
    const draft = draftOf(layer({ classes: [VITALS, { ...VITALS, name: 'other' }] }));
    const broken = { ...draft, classes: draft.classes.map((item) => ({ ...item, name: 'vitals', options: '{' })) };
    const read = layerOf({ ...broken, classes: [...broken.classes, newClass('redundant')] });
    expect(read.ok).toBe(false);
    expect(read.ok ? {} : read.errors).toMatchObject({
      'classes[0].options': expect.stringContaining('JSON object'),
      'classes[1].name': 'there is already a class "vitals"',
      'classes[2].name': expect.stringContaining('lower-case'),
    });
    const ports = layerOf({
      ...draft,
      classes: draft.classes.map((item) => ({
        ...item,
        matches: item.matches.map((match) => ({ ...match, dscp: '99' })),
      })),
    });
    expect(ports.ok ? [] : Object.keys(ports.errors)).toContain('classes[0].match[0].dscp[0]');
  });

  it('says in words what a match means and what a save changes', () => {
    expect(matchText(VITALS.match[1] as never)).toBe('UDP, port 5004, 6000-6100, to or from 10.0.0.0/8');
    expect(matchText({})).toBe('everything');
    const before = layer({ classes: [VITALS] });
    const after = layer({
      default: { strategy: 'redundant' },
      classes: [{ ...VITALS, strategy: 'active-standby' }],
      without: ['video'],
    });
    expect(layerChanges(before, after)).toEqual([
      'Default traffic: inherited → redundant.',
      'Class vitals: redundant {"copies":2} → active-standby {"copies":2}.',
      'The inherited class video is removed here.',
    ]);
    expect(layerChanges(before, before)).toEqual([]);
    const worth = { ...VITALS, urgent: true, redundancy: 2, avoid: ['metered'] };
    expect(layerChanges(before, layer({ classes: [worth] }))).toEqual([
      'Class vitals: not urgent → urgent; redundancy 0 → redundancy 2; avoids nothing → avoids metered.',
    ]);
    expect(
      layerChanges(layer({}), layer({ default: { strategy: 'adaptive', redundancy: 0.1, minShare: 0.2 } })),
    ).toEqual(['Default traffic: inherited → adaptive, redundancy 0.1, at least 20 %.']);
    // What is said and is the default anyway changes nothing that a dispatcher would see.
    expect(layerChanges(before, layer({ classes: [{ ...VITALS, urgent: false, deadlineMs: 3_000 }] }))).toEqual([]);
  });

  it('lays my edits over what somebody else saved meanwhile, and loses nothing of either', () => {
    const base = layer({ classes: [VITALS] });
    const mine = layer({ default: { strategy: 'redundant' }, classes: [VITALS, { ...VITALS, name: 'mine' }] });
    const theirs = layer({
      classes: [
        { ...VITALS, strategy: 'smallest-delay' },
        { ...VITALS, name: 'theirs' },
      ],
      without: ['video'],
    });
    const both = rebased(base, mine, theirs);
    expect(both.default?.strategy).toBe('redundant');
    expect(both.classes.map(({ name, strategy }) => `${name} ${strategy}`)).toEqual([
      'vitals smallest-delay',
      'theirs redundant',
      'mine redundant',
    ]);
    expect(both.without).toEqual(['video']);
    expect(rebased(base, base, theirs)).toEqual(theirs);
    expect(rebased(base, layer({}), theirs).classes.map(({ name }) => name)).toEqual(['theirs']);
  });

  it('walks a version through its steps', () => {
    const issued = {
      vehicleId: '',
      version: 4,
      digest: '',
      policy: { default: { strategy: 'x' }, classes: [] },
      sources: [],
      issuedAt: 'a',
      expiresAt: '',
      reason: '',
      receivedAt: null,
      settledAt: null,
    };
    const tones = (part: object) =>
      pushSteps({ ...issued, ...part } as never).map(({ name, tone }) => `${name} ${tone}`);
    expect(tones({ state: 'pending' })).toEqual(['issued done', 'received waiting', 'applied ahead']);
    expect(tones({ state: 'received', receivedAt: 'b' })).toEqual(['issued done', 'received done', 'applied waiting']);
    expect(tones({ state: 'applied', receivedAt: 'b', settledAt: 'c' })).toEqual([
      'issued done',
      'received done',
      'applied done',
    ]);
    expect(tones({ state: 'rejected', settledAt: 'c' })).toEqual(['issued done', 'received done', 'rejected bad']);
  });
});

describe('what happened', () => {
  const titleOf = (path: string) => ({ wwan0: 'Telekom', wwan1: 'Vodafone' })[path] ?? path;
  const event = (part: Partial<VehicleEvent>) => ({ kind: 'event', v: 1, reason: '', ...part }) as VehicleEvent;

  it('is told with names that people use, and with its reason', () => {
    expect(
      wordsOf(
        event({
          type: 'path-switch',
          from: ['wwan0'],
          to: ['wwan1', 'eth0'],
          replayed: 14,
          reason: 'silent for 140 ms',
        }),
        titleOf,
      ),
    ).toMatchObject({
      title: 'Telekom → Vodafone + eth0',
      detail: 'silent for 140 ms; 14 packets sent again',
    });
    expect(wordsOf(event({ type: 'path-state', path: 'wwan0', from: 'up', to: 'down' }), titleOf)).toMatchObject({
      title: 'Telekom: up → down',
      tone: 'bad',
    });
    expect(wordsOf(event({ type: 'policy', version: 4, reason: 'rejected: expired' }), titleOf)).toMatchObject({
      title: 'Policy v4',
      tone: 'bad',
    });
  });

  const vehicle = fixtures[0] as FixtureVehicle;
  const figures = (path: string, part: object) => ({
    path,
    state: 'up',
    oneWayDelayUs: 20_000,
    queueUs: 0,
    lossRatio: 0,
    burstPackets: 0,
    capacityBps: 0,
    deliveredBps: 0,
    warnings: [],
    placeBefore: 0,
    placeAfter: 0,
    ...part,
  });
  const change = {
    type: 'path-switch' as const,
    trafficClass: 'video',
    from: ['wwan0'],
    to: ['wwan1'],
    reason: 'silent',
    figures: [
      figures('wwan0', {
        state: 'suspect',
        lossRatio: 0.012,
        capacityBps: 20e6,
        deliveredBps: 4.9e6,
        warnings: ['silence'],
        placeBefore: 1,
      }),
      figures('wwan1', { oneWayDelayUs: 0, placeAfter: 1 }),
    ],
  };
  const felt = {
    spanUs: 2_140_000,
    packets: 1_080,
    retransmissions: 14,
    queueDrops: 0,
    waiting: 0,
    demandBps: 5e6,
    sentBps: 5e6,
  };
  const outcome = {
    type: 'path-switch-effect' as const,
    trafficClass: 'video',
    from: ['wwan0'],
    to: ['wwan1'],
    reason: '2.1 s after the switch',
    figures: [figures('wwan1', { oneWayDelayUs: 31_000, deliveredBps: 4.8e6, placeAfter: 1 })],
    felt,
    switches: 1,
  };

  it('has what came of a switch beside it, and alone only without its switch', () => {
    const effect = eventOf(vehicle, NOW + 2_150, outcome);
    const moved = eventOf(vehicle, NOW, change);
    const others = [
      eventOf(vehicle, NOW, { ...change, trafficClass: 'vitals' }),
      eventOf(vehicle, NOW, change, 'gateway'),
      eventOf(vehicle, NOW - 1_000, change),
      eventOf(vehicle, NOW + 2_200, change),
    ];
    expect(withEffects([effect, moved, ...others])).toEqual([
      { recorded: moved, effect: effect.event },
      ...others.map((recorded) => ({ recorded, effect: undefined })),
    ]);
    expect(withEffects([effect, ...others]).map(({ recorded }) => recorded)).toEqual([effect, ...others]);
    expect(wordsOf(effect.event, titleOf)).toMatchObject({
      title: 'Telekom → Vodafone',
      detail:
        '2.1 s after the switch: 1,080\u00a0packets, 14 sent again, none dropped; 5.0\u00a0Mbit/s of 5.0\u00a0Mbit/s sent',
    });
  });

  it('has its figures by link, then and later', () => {
    const rows = figureRows(event(change), event(outcome));
    expect(rows.map(({ path, place }) => [path, place])).toEqual([
      ['wwan0', 'was first'],
      ['wwan1', 'first now'],
    ]);
    expect(rows[0]?.rows).toEqual([
      {
        when: 'then',
        state: 'suspect',
        delay: '20\u00a0ms',
        loss: '1.2\u00a0%',
        rate: '4.9\u00a0Mbit/s of 20\u00a0Mbit/s',
        queue: '0\u00a0ms',
        warnings: 'silence',
      },
    ]);
    expect(rows[1]?.rows.map(({ when, delay, queue }) => [when, delay, queue])).toEqual([
      ['then', '–', '–'],
      ['2.1\u00a0s later', '31\u00a0ms', '0\u00a0ms'],
    ]);
    expect(figureRows(event({ type: 'path-switch' }), undefined)).toEqual([]);
  });

  it('tells how a class is protected from now on', () => {
    const spent = { mode: 'spill', copies: 0, repairPermille: 0 };
    const protection = event({
      type: 'protection',
      to: ['wwan0'],
      reason: 'wwan0 answers late',
      before: spent,
      after: { ...spent, copies: 1, repairPermille: 125 },
      changes: 3,
    });
    expect(wordsOf(protection, titleOf)).toMatchObject({
      title: 'nothing extra → 1\u00a0copy, 13\u00a0% repair',
      detail: 'Telekom: wwan0 answers late; changed 3 times',
    });
  });

  it('is shown as it is when this page does not know it', () => {
    expect(wordsOf(event({ type: 'something-new' as never, reason: 'why' }), titleOf)).toMatchObject({
      title: 'something-new',
      detail: 'why',
    });
  });

  it('is filtered by kind and by end, newest first and each once', () => {
    const older = eventOf(vehicle, NOW, { type: 'agent', reason: '' });
    const newer = eventOf(vehicle, NOW + 1, { type: 'path-switch', reason: '' }, 'gateway');
    expect(mergedEvents([older], [older, newer])).toEqual([newer, older]);
    expect(matchesFilter(older, 'paths', 'both')).toBe(false);
    expect(matchesFilter(older, 'all', 'gateway')).toBe(false);
    expect(matchesFilter(newer, 'switches', 'gateway')).toBe(true);
  });
});
