/** Networks at their worst: vital signs must lose nothing, video no more than physics forces. The default policy. */
import type { LinkSpec, Scenario, ScenarioStep } from '../scenario.js';
import { ambulanceTraffic, defaultPolicy, threeLinks } from './parts.js';

interface Kind {
  readonly name: string;
  readonly description: string;
  readonly durationUs?: number;
  readonly links?: readonly LinkSpec[];
  readonly steps?: readonly ScenarioStep[];
}

const DURATION_US = 20_000_000;
/** Impairments begin when the tunnel has settled. */
const FROM_US = 5_000_000;

/** Three links of which the preferred one is different. */
function firstLink(change: Partial<LinkSpec['up']>, down = change): LinkSpec[] {
  return threeLinks().map((spec) =>
    spec.name === 'w0' ? { ...spec, up: { ...spec.up, ...change }, down: { ...spec.down, ...down } } : spec,
  );
}

/** From 20 ms to 1.2 s in 10 s, in steps of 50 ms of time: a queue of others that grows. Then back within a second. */
function delayRamp(): ScenarioStep[] {
  const steps: ScenarioStep[] = [];
  const delay = (atUs: number, delayUs: number) => steps.push({ atUs, action: 'set', link: 'w0', set: { delayUs } });
  for (let i = 1; i <= 200; i++) delay(FROM_US + i * 50_000, 20_000 + Math.round((1_180_000 * i) / 200));
  for (let i = 1; i <= 20; i++) delay(FROM_US + 10_000_000 + i * 50_000, 1_200_000 - Math.round((1_180_000 * i) / 20));
  return steps;
}

/** Dark for half of every second. */
function flapping(seconds: number): ScenarioStep[] {
  return Array.from({ length: seconds }, (_, second) => FROM_US + second * 1_000_000).flatMap(
    (atUs): ScenarioStep[] => [
      { atUs, action: 'blackout', link: 'w0' },
      { atUs: atUs + 500_000, action: 'restore', link: 'w0' },
    ],
  );
}

export const ADDRESS_CHANGES = 1_000;
const ADDRESS_EVERY_US = 50_000;

/** Two links in turn get another address, twenty times a second; the third keeps its own. */
function addressChanges(): ScenarioStep[] {
  return Array.from({ length: ADDRESS_CHANGES }, (_, index) => ({
    atUs: FROM_US + index * ADDRESS_EVERY_US,
    action: 'change-address' as const,
    link: `w${index % 2}`,
  }));
}

const NAT_EVERY_US = 50_000_000;
const NAT_DURATION_US = 160_000_000;

/** Carriers that drop every mapping after 50 s, whatever is sent; each link at a time of its own. */
function mappingsExpire(): ScenarioStep[] {
  const steps: ScenarioStep[] = [];
  for (const [index, phaseUs] of [0, 16_000_000, 33_000_000].entries()) {
    for (let atUs = 10_000_000 + phaseUs; atUs < NAT_DURATION_US - 2_000_000; atUs += NAT_EVERY_US) {
      steps.push({ atUs, action: 'rebind-nat', link: `w${index}` });
    }
  }
  return steps.sort((a, b) => a.atUs - b.atUs);
}

const KINDS: readonly Kind[] = [
  {
    name: 'loss',
    description: 'The preferred link loses 15 % at random, both ways.',
    links: firstLink({ lossRatio: 0.15 }),
  },
  {
    name: 'bursts',
    description: 'The preferred link loses bursts of about 20 packets (Gilbert-Elliott), 9 % of all.',
    links: firstLink({ burst: { enterRatio: 0.005, leaveRatio: 0.05, lossRatio: 1 } }),
  },
  {
    name: 'bursts-everywhere',
    description: 'Every link loses bursts of about 8 packets, 4 % of all, each on its own.',
    links: threeLinks({ burst: { enterRatio: 0.006, leaveRatio: 0.125, lossRatio: 0.9 } }),
  },
  {
    name: 'delay-ramp',
    description:
      'The preferred link becomes slower and slower, to 1.2 s, without losing a packet, and is back at once.',
    steps: delayRamp(),
  },
  {
    name: 'rate-cliff',
    description: 'The preferred link falls from 20 to 0.3 Mbit/s for 8 s.',
    steps: [
      { atUs: FROM_US, action: 'set', link: 'w0', set: { rateBps: 0.3e6 } },
      { atUs: FROM_US + 8_000_000, action: 'set', link: 'w0', set: { rateBps: 20e6 } },
    ],
  },
  {
    name: 'flapping',
    description: 'The preferred link is dark for half of every second, 12 times.',
    steps: flapping(12),
  },
  {
    name: 'addresses',
    description: `Two of the links get another address ${ADDRESS_CHANGES} times together, 20 times a second.`,
    durationUs: FROM_US + ADDRESS_CHANGES * ADDRESS_EVERY_US + 5_000_000,
    links: threeLinks({}, { nat: {} }),
    steps: addressChanges(),
  },
  {
    name: 'nat-expiry',
    description: 'Every NAT drops its mappings each 50 s, traffic or not.',
    durationUs: NAT_DURATION_US,
    links: threeLinks({}, { nat: {} }),
    steps: mappingsExpire(),
  },
  {
    name: 'reorder-duplicate',
    description: 'Every link reorders 10 % of the packets by up to 10 ms and delivers 5 % twice.',
    links: threeLinks({ reorderRatio: 0.1, duplicateRatio: 0.05 }),
  },
  {
    name: 'one-way-loss',
    description: 'The preferred link loses 30 % of what the vehicle sends, and nothing the other way.',
    links: firstLink({ lossRatio: 0.3 }, {}),
  },
];

/** `impair-NAME`. */
export const impairmentScenarios: readonly Scenario[] = KINDS.map(
  ({ name, description, durationUs, links, steps }) => ({
    name: `impair-${name}`,
    description,
    durationUs: durationUs ?? DURATION_US,
    vehicles: 1,
    links: links ?? threeLinks(),
    traffic: ambulanceTraffic,
    policy: defaultPolicy(),
    steps: steps ?? [],
  }),
);
