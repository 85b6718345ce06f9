/**
 * Runs a scenario on real packets. Several runs share one lab: each is a set of vehicles with links of its own, all on
 * the one gateway, a little out of step with one another so that the cuts fall on different moments of the flows.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type FlowResult,
  flowNames,
  type LinkResult,
  linksOf,
  type Scenario,
  type ScenarioStep,
  type StepDirection,
  type TrafficSpec,
  trafficWindow,
} from '@corridor/sim';
import type { FlowFigures, LabEvent } from '../face.js';
import { Lab } from '../lab.js';
import { type RunnerName, runnerNamed } from '../runner/index.js';
import { timeUntilUsed } from './recovery.js';

/** What the cut of one direction of a link did to it. */
export interface Recovery {
  readonly vehicle: number;
  readonly link: string;
  readonly direction: 'up' | 'down';
  /** From the repair until it carried traffic again; null: not until the end of the run. */
  readonly usedAgainUs: number | null;
}

/** Bytes of whole IP packets, whether they arrived or not. */
export interface WireBytes {
  readonly bytes: number;
  /** Of these in packets of less than 256 bytes: acknowledgements and probes. */
  readonly smallBytes: number;
}

export interface RunResult {
  readonly flows: readonly FlowResult[];
  readonly links: readonly LinkResult[];
  readonly recoveries: readonly Recovery[];
  /** All that the run put on all of its links, both ways. */
  readonly wire: WireBytes;
  /** Worst lateness of a generator's packet: a run in which the lab itself stumbled shows it here. */
  readonly senderLatestUs: number;
  readonly events: readonly LabEvent[];
}

export interface BatchOptions {
  readonly seed: number;
  /** Runs at once, at least 1. */
  readonly runs: number;
  /** What runs at the ends of the tunnels. Default `tunnel`. */
  readonly runner?: RunnerName;
  /** Hears of every step as it happens. */
  readonly log?: (line: string) => void;
}

/** Nothing happens in the first moments of a scenario (sessions come up, which the lab has waited for): skipped. */
const LEAD_US = 300_000;
/** Runs that share a lab start this far apart: no multiple of any flow's interval. */
const STAGGER_US = 37_123;
/** How much of the time before a cut tells what the link carried. */
const BEFORE_US = 1_000_000;
const STREAM_END_MS = 15_000;

/** Runs `options.runs` runs of a scenario at once in a lab of their own. */
export async function runBatch(scenario: Scenario, options: BatchOptions): Promise<RunResult[]> {
  const { vehicles: size } = scenario;
  const lab = await Lab.create({
    vehicles: size * options.runs,
    links: (vehicle) => linksOf(scenario, vehicle % size),
    policy: scenario.policy,
    outsideFamily: scenario.outsideFamily ?? 4,
    seed: options.seed,
    makeRunner: runnerNamed(options.runner ?? 'tunnel'),
  });
  try {
    const events: LabEvent[] = [];
    lab.on('event', (event) => events.push(event));
    await lab.ready();
    const skipUs = firstMomentUs(scenario) - LEAD_US;
    const startUs = lab.traffic.nowUs() + 200_000 - skipUs;
    const runs = Array.from({ length: options.runs }, (_, index) => {
      const offset = { firstVehicle: index * size, originUs: startUs + index * STAGGER_US };
      return new Run(lab, scenario, offset, index === 0 ? options.log : undefined);
    });
    const results = await Promise.all(runs.map((run) => run.run()));
    return results.map((result, index) => ({ ...result, events: events.filter(isOf(index, size)) }));
  } finally {
    await lab.close();
  }
}

function isOf(run: number, size: number): (event: LabEvent) => boolean {
  return ({ by }) => by === 'gateway' || Math.floor(by / size) === run;
}

function firstMomentUs(scenario: Scenario): number {
  const traffic = scenario.traffic.map((spec) => trafficWindow(scenario, spec).startUs);
  return Math.max(LEAD_US, Math.min(...traffic, ...scenario.steps.map(({ atUs }) => atUs)));
}

interface Offset {
  readonly firstVehicle: number;
  readonly originUs: number;
}

interface Cut {
  readonly vehicle: number;
  readonly link: string;
  readonly direction: 'up' | 'down';
  readonly cutUs: number;
  restoredUs?: number;
}

class Run {
  private readonly flows: { id: number; vehicle: number; spec: TrafficSpec; name: string }[] = [];
  private readonly cuts: Cut[] = [];
  private gatewayReturns: Promise<void> = Promise.resolve();

  constructor(
    private readonly lab: Lab,
    private readonly scenario: Scenario,
    private readonly offset: Offset,
    private readonly log: ((line: string) => void) | undefined,
  ) {}

  async run(): Promise<Omit<RunResult, 'events'>> {
    const before = await this.wireBytes();
    const streams = await this.startFlows();
    for (const step of this.scenario.steps) {
      await this.until(step.atUs);
      await this.take(step);
    }
    await Promise.all(streams);
    await this.until(this.scenario.durationUs);
    await this.gatewayReturns;
    return this.result(before);
  }

  private get vehicles(): number[] {
    return Array.from({ length: this.scenario.vehicles }, (_, vehicle) => vehicle);
  }

  /** Starts or books every flow; answers what ends with the TCP streams. */
  private async startFlows(): Promise<Promise<void>[]> {
    const names = flowNames(this.scenario);
    const streams: Promise<void>[] = [];
    for (const vehicle of this.vehicles) {
      for (const [index, spec] of this.scenario.traffic.entries()) {
        const window = trafficWindow(this.scenario, spec);
        const known = { vehicle, spec, name: names[index] };
        if (spec.kind === 'tcp') {
          streams.push(this.runStream(known, window.startUs, window.stopUs));
          continue;
        }
        const times = { firstUs: this.offset.originUs + window.startUs, endUs: this.offset.originUs + window.stopUs };
        const id = await this.lab.startFlowWith({ ...spec, ...times, vehicle: this.offset.firstVehicle + vehicle });
        this.flows.push({ ...known, id });
      }
    }
    return streams;
  }

  private async runStream(
    known: { vehicle: number; spec: TrafficSpec; name: string },
    startUs: number,
    stopUs: number,
  ) {
    await this.until(startUs);
    const id = await this.lab.startFlowWith({
      ...known.spec,
      congestion: known.spec.congestion ?? 'cubic',
      ecn: known.spec.ecn ?? false,
      vehicle: this.offset.firstVehicle + known.vehicle,
    });
    this.flows.push({ ...known, id });
    await this.until(stopUs);
    await this.lab.stopFlow(id);
    // What is under way may still come; a stream that hangs is shown by its figures.
    await Promise.race([this.lab.traffic.tcp.ended(id), delay(STREAM_END_MS, undefined, { ref: false })]);
  }

  private async until(us: number): Promise<void> {
    const waitUs = this.offset.originUs + us - this.lab.traffic.nowUs();
    if (waitUs > 0) await delay(waitUs / 1000);
  }

  private async take(step: ScenarioStep): Promise<void> {
    const { lab, scenario, offset } = this;
    this.log?.(`${(step.atUs / 1e6).toFixed(1)} s: ${describe(step)}`);
    if (step.action === 'restart-gateway') {
      // All runs of a lab share the gateway: the first one's step restarts it for all.
      if (offset.firstVehicle === 0) this.gatewayReturns = lab.restartGateway(step.downUs);
      return;
    }
    for (const vehicle of step.vehicle === undefined ? this.vehicles : [step.vehicle]) {
      const number = offset.firstVehicle + vehicle;
      if (step.action === 'policy') await lab.setPolicy(number, step.policy);
      else if (linksOf(scenario, vehicle).some(({ name }) => name === step.link))
        await this.takeOnLink(step, vehicle, number);
    }
  }

  private async takeOnLink(
    step: Exclude<ScenarioStep, { action: 'policy' | 'restart-gateway' }>,
    vehicle: number,
    number: number,
  ): Promise<void> {
    const { lab } = this;
    switch (step.action) {
      case 'blackout':
        lab.cut(number, step.link, step.direction);
        for (const direction of both(step.direction)) {
          this.cuts.push({ vehicle, link: step.link, direction, cutUs: lab.traffic.nowUs() });
        }
        return;
      case 'restore':
        lab.restore(number, step.link, step.direction);
        this.noteRestored(vehicle, step.link, both(step.direction));
        return;
      case 'rebind-nat':
        lab.rebindNat(number, step.link);
        return;
      case 'change-address':
        await lab.changeAddress(number, step.link);
        return;
      case 'set':
        lab.setLink(number, step.link, step.direction ?? 'both', step.set);
    }
  }

  private noteRestored(vehicle: number, link: string, directions: readonly ('up' | 'down')[]): void {
    for (const cut of this.cuts) {
      if (cut.vehicle !== vehicle || cut.link !== link || cut.restoredUs !== undefined) continue;
      if (directions.includes(cut.direction)) cut.restoredUs = this.lab.traffic.nowUs();
    }
  }

  private async result(before: WireBytes): Promise<Omit<RunResult, 'events'>> {
    const after = await this.wireBytes();
    const figures = new Map((await this.lab.flows()).map((flow) => [flow.id, flow]));
    const mine = this.flows.flatMap(({ id, vehicle, name, spec }) => {
      const flow = figures.get(id);
      return flow === undefined ? [] : [{ flow, vehicle, name, spec }];
    });
    return {
      flows: mine.map(({ flow, vehicle, name, spec }) => flowResult(flow, vehicle, name, spec)),
      links: await this.linkResults(),
      recoveries: await this.recoveries(),
      wire: { bytes: after.bytes - before.bytes, smallBytes: after.smallBytes - before.smallBytes },
      senderLatestUs: Math.max(0, ...mine.map(({ flow }) => flow.senderLatestUs)),
    };
  }

  /** Since the lab stands. */
  private async wireBytes(): Promise<WireBytes> {
    const first = this.offset.firstVehicle;
    const links = await this.lab.links();
    const mine = links.filter(({ vehicle }) => vehicle >= first && vehicle < first + this.scenario.vehicles);
    return {
      bytes: mine.reduce((sum, { offeredBytes }) => sum + offeredBytes, 0),
      smallBytes: mine.reduce((sum, { smallBytes }) => sum + smallBytes, 0),
    };
  }

  private async linkResults(): Promise<LinkResult[]> {
    const results: LinkResult[] = [];
    for (const vehicle of this.vehicles) {
      for (const { name } of linksOf(this.scenario, vehicle)) {
        const counters = await this.lab.linkResult(this.offset.firstVehicle + vehicle, name);
        results.push({ vehicle, link: name, ...counters });
      }
    }
    return results;
  }

  private async recoveries(): Promise<Recovery[]> {
    const found: Recovery[] = [];
    const now = this.lab.traffic.nowUs();
    for (const { vehicle, link, direction, cutUs, restoredUs } of this.cuts) {
      if (restoredUs === undefined) continue;
      const number = this.offset.firstVehicle + vehicle;
      const before = await this.lab.carried(number, link, direction, cutUs - BEFORE_US, cutUs);
      const after = await this.lab.carried(number, link, direction, restoredUs, now);
      const us = timeUntilUsed(before, after);
      if (us !== undefined) found.push({ vehicle, link, direction, usedAgainUs: Number.isFinite(us) ? us : null });
    }
    return found;
  }
}

function both(direction: StepDirection = 'both'): readonly ('up' | 'down')[] {
  return direction === 'both' ? ['up', 'down'] : [direction];
}

function flowResult(flow: FlowFigures, vehicle: number, name: string, spec: TrafficSpec): FlowResult {
  const common = {
    vehicle,
    flow: name,
    kind: spec.kind,
    direction: spec.direction,
    sent: flow.sent,
    received: flow.received,
    lost: flow.sent - flow.received,
    duplicates: flow.duplicates,
    longestGapUs: flow.longestGapUs,
    longestGapAtUs: flow.longestGapAtUs,
    delayP50Us: flow.delay.p50Us,
    delayP95Us: flow.delay.p95Us,
    delayP99Us: flow.delay.p99Us,
    delayMaxUs: flow.delay.maxUs,
  };
  if (spec.kind !== 'tcp') return common;
  const timeUs = flow.lastArrivalUs - flow.firstArrivalUs;
  return { ...common, bytes: flow.received, rateBps: timeUs > 0 ? (flow.received * 8e6) / timeUs : 0 };
}

function describe(step: ScenarioStep): string {
  const link = 'link' in step ? ` ${step.link}` : '';
  const direction = 'direction' in step && step.direction !== undefined ? ` ${step.direction}` : '';
  const vehicle = 'vehicle' in step && step.vehicle !== undefined ? ` of vehicle ${step.vehicle}` : '';
  const more = step.action === 'policy' ? ` ${step.policy.default.strategy}` : '';
  return `${step.action}${link}${direction}${vehicle}${more}`;
}
