/** Runs a history on the virtual clock and holds it against the reference model. */
import type { Engine } from '@corridor/tunnel';
import { type Scenario, SimWorld } from '../../src/index.js';
import { handshake } from '../node-handshake.js';
import type { History, HistoryStep } from './history.js';
import { ReferenceModel } from './reference-model.js';
import { attemptsLeft, findByClass, stateSize, tooLarge } from './state-size.js';

export interface Violation {
  readonly kind: 'threw' | 'twice' | 'lost' | 'late' | 'never at rest' | 'state';
  /** When the packet was sent, or the run's end. */
  readonly atUs: number;
  readonly what: string;
}

export interface HistoryResult {
  readonly violations: readonly Violation[];
  readonly sent: number;
  /** Packets that the model demands. */
  readonly owed: number;
  readonly delivered: number;
  readonly bytes: number;
  readonly entries: number;
  /** What the engines themselves say about packets that they did not deliver, of both ends together. */
  readonly counters: Readonly<Record<string, number>>;
}

/** After the traffic everything heals, and this later than the links are empty the tunnel must be at rest. */
const REST_US = 12_000_000;
/** The last part of it, in which engines may wake so often a second. */
const CALM_US = 4_000_000;
const MOST_WAKES_PER_SECOND = 60;
const SEND_SLOTS = 2_048;
const MOST_PENDING = 100;
/** Counters of what waits for something, and their classes. */
const NOTHING_LEFT = [
  ['ClassQueues', 'packets'],
  ['Recovery', 'entries'],
  ['ReorderPool', 'kept'],
] as const;
/** How often all tables are looked at while there is traffic. */
const LOOKS = 2;

/** Reachable state of one engine at rest, whatever happened before; measured by `SIM_HISTORIES`, see the test. */
export const STATE_BUDGET = { bytes: 23_500_000, entries: 8_000 };

/** @param sabotage breaks something on purpose, for tests of this file. */
export function runHistory(history: History, sabotage?: (world: SimWorld, log: PacketLog) => void): HistoryResult {
  const violations: Violation[] = [];
  const log = new PacketLog();
  let world: SimWorld | undefined;
  try {
    world = new SimWorld(scenarioOf(history), { seed: history.seed, handshake, observer: log, sendSlots: SEND_SLOTS });
    const live = world;
    sabotage?.(live, log);
    for (let part = 1; part <= LOOKS; part++) {
      live.clock.schedule((history.durationUs * part) / LOOKS, () => judgeTables(live, violations));
    }
    for (const step of history.steps) live.clock.schedule(step.atUs, () => apply(live, history, step));
    live.runUntil(history.durationUs);
    heal(live, history);
    const emptyUs = linksEmptyUs(live, history);
    live.runUntil(emptyUs + REST_US - CALM_US);
    const wakes = countWakes(live);
    live.runUntil(emptyUs + REST_US);
    const perSecond = (wakes.count * 1e6) / CALM_US;
    if (perSecond > MOST_WAKES_PER_SECOND) {
      violations.push({ kind: 'never at rest', atUs: live.clock.nowUs, what: `${perSecond} wakes a second` });
    }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    violations.push({ kind: 'threw', atUs: world?.clock.nowUs ?? 0, what });
    return { violations, sent: log.sentCount, owed: 0, delivered: 0, bytes: 0, entries: 0, counters: {} };
  }
  const owed = judgePackets(history, log, violations);
  const size = judgeState(world, violations);
  const counters = countersOf(world);
  return { violations, sent: log.sentCount, owed, delivered: log.deliveredCount, ...size, counters };
}

const TELLING = [
  'queueDrops',
  'queueExpired',
  'queueOverflows',
  'heldGivenUp',
  'noPath',
  'losses',
  'retransmissions',
  'replaysSent',
  'handshakes',
];

function countersOf(world: SimWorld): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const engine of [world.vehicles[0].host.engine, world.gateway?.engine]) {
    for (const [name, count] of Object.entries(engine?.status(world.clock.nowUs)[0]?.counters ?? {})) {
      if (TELLING.includes(name) && count > 0) counters[name] = (counters[name] ?? 0) + count;
    }
  }
  return counters;
}

function scenarioOf({ links, policy, traffic, durationUs }: History): Scenario {
  return {
    name: 'history',
    description: 'A random history.',
    durationUs: durationUs + REST_US,
    vehicles: 1,
    links,
    policy,
    traffic: traffic.map((spec) => ({ ...spec, stopUs: durationUs })),
    steps: [],
  };
}

function apply(world: SimWorld, { links }: History, step: HistoryStep): void {
  const { host } = world.vehicles[0];
  switch (step.action) {
    case 'unplug':
    case 'plug':
      world.setPlugged(0, step.link, step.action === 'plug');
      break;
    case 'block':
    case 'unblock':
      host.mutate((engine, nowUs) => engine.setPathBlocked(step.link, step.action === 'block', nowUs));
      break;
    case 'change-address':
      // A modem that is not there gets no address.
      if (world.link(0, step.link).plugged) world.apply(step);
      break;
    case 'rebind-nat':
      if (links.find(({ name }) => name === step.link)?.nat !== undefined) world.apply(step);
      break;
    default:
      world.apply(step);
  }
}

function heal(world: SimWorld, { links }: History): void {
  const { host } = world.vehicles[0];
  for (const { name, up, down } of links) {
    const link = world.link(0, name);
    link.setBlackout(false);
    link.change({ ...up }, 'up');
    link.change({ ...down }, 'down');
    if (!link.plugged) world.setPlugged(0, name, true);
    host.mutate((engine, nowUs) => engine.setPathBlocked(name, false, nowUs));
  }
}

/** When all has arrived that links took while they were slow: 480 kB at 0.1 Mbit/s keep one of them busy for 38 s. */
function linksEmptyUs(world: SimWorld, { links }: History): number {
  const directions = links.flatMap(({ name }) => [world.link(0, name).up, world.link(0, name).down]);
  return Math.max(world.clock.nowUs, ...directions.map(({ lastDeliveryUs }) => lastDeliveryUs));
}

function countWakes(world: SimWorld): { count: number } {
  const wakes = { count: 0 };
  const engines = [world.vehicles[0].host.engine, world.gateway?.engine];
  for (const engine of engines as (Engine | undefined)[]) {
    if (engine === undefined) continue;
    const tick = engine.tick.bind(engine);
    engine.tick = (nowUs: number) => {
      wakes.count++;
      tick(nowUs);
    };
  }
  return wakes;
}

/** When each packet was sent, when it came first, and which came again. */
export class PacketLog {
  readonly flows: { sentAtUs: number[]; arrivedAtUs: number[] }[] = [];
  readonly twice: { flow: number; sequence: number; atUs: number }[] = [];
  sentCount = 0;
  deliveredCount = 0;

  sent(flow: number, sequence: number, atUs: number): void {
    this.sentCount++;
    this.of(flow).sentAtUs[sequence] = atUs;
  }

  delivered(flow: number, sequence: number, atUs: number): void {
    const { arrivedAtUs } = this.of(flow);
    if (arrivedAtUs[sequence] === undefined) {
      arrivedAtUs[sequence] = atUs;
      this.deliveredCount++;
    } else this.twice.push({ flow, sequence, atUs });
  }

  private of(flow: number) {
    while (this.flows.length <= flow) this.flows.push({ sentAtUs: [], arrivedAtUs: [] });
    return this.flows[flow];
  }
}

function judgePackets(history: History, log: PacketLog, violations: Violation[]): number {
  const model = new ReferenceModel(history);
  const restart = history.steps.find((step) => step.action === 'restart-gateway');
  let owed = 0;
  for (const [index, { sentAtUs, arrivedAtUs }] of log.flows.entries()) {
    const spec = history.traffic[index];
    const name = `${spec.kind} ${spec.direction} (flow ${index})`;
    sentAtUs.forEach((sentUs, sequence) => {
      const untilUs = model.owedUntilUs(spec, sentUs);
      if (untilUs < 0) return;
      owed++;
      const arrivedUs = arrivedAtUs[sequence];
      const what = `packet ${sequence} of ${name}, sent at ${seconds(sentUs)}`;
      if (arrivedUs === undefined) violations.push({ kind: 'lost', atUs: sentUs, what });
      else if (arrivedUs > untilUs) {
        violations.push({ kind: 'late', atUs: sentUs, what: `${what}, arrived at ${seconds(arrivedUs)}` });
      }
    });
  }
  for (const { flow, sequence, atUs } of log.twice) {
    const sentUs = log.flows[flow].sentAtUs[sequence];
    // A gateway that dies takes with it what it had delivered and not said so: that may come again.
    if (restart !== undefined && sentUs > restart.atUs - 4_000_000 && sentUs < restart.atUs) continue;
    const what = `packet ${sequence} of flow ${flow}, sent at ${seconds(sentUs)}, again at ${seconds(atUs)}`;
    violations.push({ kind: 'twice', atUs: sentUs, what });
  }
  return owed;
}

/** Also while packets are under way no table outgrows its place. */
function judgeTables(world: SimWorld, violations: Violation[]): void {
  for (const engine of [world.vehicles[0].host.engine, world.gateway?.engine]) {
    if (engine === undefined) continue;
    for (const what of tooLarge(stateSize(engine).tables, false)) {
      violations.push({ kind: 'state', atUs: world.clock.nowUs, what });
    }
  }
}

function judgeState(world: SimWorld, violations: Violation[]): { bytes: number; entries: number } {
  const { nowUs } = world.clock;
  let bytes = 0;
  let entries = 0;
  for (const [name, engine] of [
    ['vehicle', world.vehicles[0].host.engine],
    ['gateway', world.gateway?.engine],
  ] as const) {
    if (engine === undefined) continue;
    const fault = (what: string) => violations.push({ kind: 'state', atUs: nowUs, what: `${name}: ${what}` });
    const size = stateSize(engine);
    bytes = Math.max(bytes, size.bytes);
    entries = Math.max(entries, size.entries);
    if (size.bytes > STATE_BUDGET.bytes) fault(`${size.bytes} bytes`);
    if (size.entries > STATE_BUDGET.entries) fault(`${size.entries} entries`);
    for (const what of tooLarge(size.tables, true)) fault(what);
    for (const [name, field] of NOTHING_LEFT) {
      const left = findByClass(engine, name).reduce((sum, one) => sum + (one[field] as number), 0);
      if (left !== 0) fault(`${name}.${field} is ${left}`);
    }
    const attempts = name === 'vehicle' ? attemptsLeft(engine) : 0;
    if (attempts > 0) fault(`${attempts} attempts to shake hands are left`);
    const [slots] = findByClass(engine, 'SendSlots');
    const free = slots.freeCount as number;
    if (free !== SEND_SLOTS) fault(`${SEND_SLOTS - free} slots still held`);
  }
  if (world.clock.pending > MOST_PENDING)
    violations.push({ kind: 'state', atUs: nowUs, what: `${world.clock.pending} actions pending` });
  return { bytes, entries };
}

function seconds(us: number): string {
  return `${(us / 1e6).toFixed(3)} s`;
}
