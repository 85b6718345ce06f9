/** Gathers what the lab, the tunnels, the traffic and the browsers say into one {@link WatchView}. */

import type { ClassStatus, PathStatus, PeerStatus } from '@corridor/tunnel';
import type { PlaceView } from '../demo/drive.js';
import type { FlowFigures, LabEvent, LabFace } from '../face.js';
import { addEvent, describeEvent } from './events.js';
import { History, LossCounter, PageTimes } from './history.js';
import type { AppView, EventView, FlowView, LinkView, VehicleView, WatchView } from './view.js';

/** Samples a sparkline can show; at two a second, the last half minute. */
const SAMPLES = 60;
const EVENTS = 200;
/** How long a packet may be under way before it counts as lost. */
const LOSS_GRACE_MS = 3_000;

/** An application of the demo and the traffic class of its packets. */
interface AppPlan {
  readonly name: string;
  readonly trafficClass: string;
  /** Flow of the lab's generators; undefined for the browser. */
  readonly flow: number | undefined;
}

interface LinkRecord {
  readonly rtt: History;
  readonly loss: History;
  readonly up: History;
  readonly down: History;
}

interface VehicleRecord {
  readonly number: number;
  readonly links: ReadonlyMap<string, LinkRecord>;
  readonly apps: AppPlan[];
  readonly delays: Map<string, History>;
  readonly losses: Map<string, LossCounter>;
  readonly pages: PageTimes;
  readonly events: EventView[];
  readonly cut: Set<string>;
  status: PeerStatus | undefined;
  place: PlaceView;
}

export class Collector {
  readonly #vehicles: VehicleRecord[];
  #flows = new Map<number, FlowFigures>();
  #gatewaySessions: number | undefined;
  gatewayRestarting = false;
  phase: string | undefined;
  notice: string | undefined;
  help = false;

  /**
   * @param nowMs monotonic clock of the machine, the one that events are stamped with
   * @param operators display name of each link
   */
  constructor(
    private readonly lab: LabFace,
    private readonly operators: ReadonlyMap<string, string>,
    private readonly statusCommand: string,
    private readonly nowMs: () => number,
    private readonly startedAtMs: number,
  ) {
    this.#vehicles = Array.from({ length: lab.vehicles }, (_, i) => newRecord(i, lab.linkNames(i)));
    lab.on('event', (event) => this.#take(event));
  }

  get elapsedMs(): number {
    return this.nowMs() - this.startedAtMs;
  }

  addApp(vehicle: number, name: string, trafficClass: string, flow?: number): void {
    const record = this.#record(vehicle);
    record.apps.push({ name, trafficClass, flow });
    record.delays.set(name, new History(SAMPLES));
    record.losses.set(name, new LossCounter(LOSS_GRACE_MS));
  }

  pages(vehicle: number): PageTimes {
    return this.#record(vehicle).pages;
  }

  setPlace(vehicle: number, place: PlaceView): void {
    this.#record(vehicle).place = place;
  }

  setCut(vehicle: number, link: string, cut: boolean): void {
    if (cut) this.#record(vehicle).cut.add(link);
    else this.#record(vehicle).cut.delete(link);
  }

  isCut(vehicle: number, link: string): boolean {
    return this.#record(vehicle).cut.has(link);
  }

  /** Link that a traffic class uses first, if the vehicle has told. */
  activeLink(vehicle: number, trafficClass: string): string | undefined {
    return classOf(this.#record(vehicle).status, trafficClass)?.paths[0];
  }

  /** Asks everybody once; what does not answer is shown as unknown. */
  async sample(): Promise<void> {
    const [flows, gateway, ...statuses] = await Promise.all([
      this.lab.flows().catch(() => []),
      this.lab.gatewayStatus().catch(() => undefined),
      ...this.#vehicles.map((record) => this.lab.status(record.number).catch(() => undefined)),
    ]);
    this.#flows = new Map(flows.map((flow) => [flow.id, flow]));
    this.#gatewaySessions = gateway?.filter((peer) => peer.session === 'established').length;
    this.#vehicles.forEach((record, i) => {
      record.status = statuses[i];
      this.#remember(record);
    });
  }

  view(): WatchView {
    const state = this.gatewayRestarting ? 'restarting' : this.#gatewaySessions === undefined ? 'silent' : 'up';
    return {
      elapsedMs: this.elapsedMs,
      phase: this.phase,
      statusCommand: this.statusCommand,
      gateway: { state, sessions: this.#gatewaySessions ?? 0 },
      vehicles: this.#vehicles.map((record) => this.#vehicleView(record)),
      notice: this.notice,
      help: this.help,
    };
  }

  #record(vehicle: number): VehicleRecord {
    const record = this.#vehicles[vehicle];
    if (record === undefined) throw new RangeError(`there is no vehicle ${vehicle}`);
    return record;
  }

  #take({ by, event }: LabEvent): void {
    // The gateway's own view of the same switches would only repeat what the vehicles say.
    if (by === 'gateway') return;
    const described = describeEvent(event, event.atUs / 1000 - this.startedAtMs);
    if (described === undefined) return;
    const { events } = this.#record(by);
    addEvent(events, described);
    if (events.length > EVENTS) events.pop();
  }

  #remember(record: VehicleRecord): void {
    for (const [name, history] of record.links) {
      const path = record.status?.paths.find((candidate) => candidate.name === name);
      const alive = path !== undefined && path.state !== 'down';
      history.rtt.add(alive && path.rttUs > 0 ? path.rttUs / 1000 : Number.NaN);
      history.loss.add(alive ? lossOf(path) : Number.NaN);
      history.up.add(alive ? path.send.rateBps : Number.NaN);
      history.down.add(alive ? path.receive.rateBps : Number.NaN);
    }
    for (const app of record.apps) {
      const flow = app.flow === undefined ? undefined : this.#flows.get(app.flow);
      if (flow !== undefined) record.delays.get(app.name)?.add(recentDelayMs(flow));
    }
  }

  #vehicleView(record: VehicleRecord): VehicleView {
    const { status } = record;
    return {
      number: record.number,
      session: status?.session ?? 'none',
      sessionMs: status === undefined ? 0 : this.nowMs() - status.establishedAtUs / 1000,
      cipher: status?.cipher ?? '',
      place: record.place,
      links: [...record.links.keys()].map((name, i) => this.#linkView(record, name, i)),
      apps: record.apps.map((app) => this.#appView(record, app)),
      events: record.events,
    };
  }

  #linkView(record: VehicleRecord, name: string, index: number): LinkView {
    const path = record.status?.paths.find((candidate) => candidate.name === name);
    const history = record.links.get(name) as LinkRecord;
    return {
      key: String(record.number * record.links.size + index + 1),
      name,
      operator: this.operators.get(name) ?? '',
      state: path?.state ?? 'absent',
      reason: path?.reason ?? 'not known to the tunnel yet',
      stateMs: path === undefined ? 0 : this.nowMs() - path.sinceUs / 1000,
      cut: record.cut.has(name),
      carries: (record.status?.classes ?? []).filter(({ paths }) => paths[0] === name).map((used) => used.name),
      rttMs: history.rtt.values.at(-1) ?? Number.NaN,
      rttHistory: history.rtt.values,
      lossRatio: history.loss.values.at(-1) ?? Number.NaN,
      lossHistory: history.loss.values,
      upBps: history.up.values.at(-1) ?? Number.NaN,
      upHistory: history.up.values,
      downBps: history.down.values.at(-1) ?? Number.NaN,
      downHistory: history.down.values,
    };
  }

  #appView(record: VehicleRecord, app: AppPlan): AppView {
    const used = classOf(record.status, app.trafficClass);
    const base = {
      name: app.name,
      paths: used?.paths ?? [],
      mode: used?.mode ?? 'single',
      strategy: used?.strategy ?? '',
    } as const;
    return app.flow === undefined
      ? { ...base, ...webFigures(record.pages) }
      : { ...base, ...this.#flowFigures(record, app) };
  }

  #flowFigures(record: VehicleRecord, app: AppPlan): Omit<FlowView, 'name' | 'paths' | 'mode' | 'strategy'> {
    const flow = this.#flows.get(app.flow as number);
    return {
      kind: 'flow',
      delayMs: flow === undefined ? Number.NaN : recentDelayMs(flow),
      delayHistory: record.delays.get(app.name)?.values ?? [],
      longestGapMs: flow === undefined ? Number.NaN : flow.longestGapUs / 1000,
      recentGapMs: flow === undefined ? Number.NaN : flow.recent.longestGapUs / 1000,
      sent: flow?.sent ?? 0,
      lost: record.losses.get(app.name)?.update(this.nowMs(), flow?.sent ?? 0, flow?.received ?? 0) ?? 0,
    };
  }
}

function newRecord(number: number, links: readonly string[]): VehicleRecord {
  const record = (): LinkRecord => ({
    rtt: new History(SAMPLES),
    loss: new History(SAMPLES),
    up: new History(SAMPLES),
    down: new History(SAMPLES),
  });
  return {
    number,
    links: new Map(links.map((name) => [name, record()])),
    apps: [],
    delays: new Map(),
    losses: new Map(),
    pages: new PageTimes(),
    events: [],
    cut: new Set(),
    status: undefined,
    place: { progress: 0, name: '', speedKmh: Number.NaN, coverage: [] },
  };
}

function classOf(status: PeerStatus | undefined, trafficClass: string): ClassStatus | undefined {
  return status?.classes.find((candidate) => candidate.name === trafficClass);
}

function lossOf(path: PathStatus): number {
  return Math.max(path.send.lossRatio, path.receive.lossRatio);
}

function recentDelayMs(flow: FlowFigures): number {
  return flow.recent.delay.p50Us > 0 ? flow.recent.delay.p50Us / 1000 : Number.NaN;
}

function webFigures(pages: PageTimes) {
  return {
    kind: 'web',
    lastMs: pages.lastMs,
    medianMs: pages.percentileMs(0.5),
    p95Ms: pages.percentileMs(0.95),
    history: pages.history,
    pages: pages.pages,
    failed: pages.failed,
  } as const;
}
