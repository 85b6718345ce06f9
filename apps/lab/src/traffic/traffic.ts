/** All flows of a lab, UDP and TCP, behind one numbering. */
import { type TrafficKind, type TrafficSpec, trafficIntervalUs } from '@corridor/sim';
import * as addresses from '../addresses.js';
import type { DelayFigures, FlowFigures, RecentFigures } from '../face.js';
import { chooseTcp, type Hosts } from '../hosts.js';
import { Remote } from '../thread/rpc.js';
import { type StreamRecord, TcpStreams } from './tcp-streams.js';
import type { TrafficMethods, UdpFigures } from './thread.js';

const FIRST_PORT = 6000;

/** One flow between the client behind a vehicle and the hospital's server. */
export interface FlowPlan extends Omit<TrafficSpec, 'startUs' | 'stopUs'> {
  readonly vehicle: number;
  /** IP version inside the tunnel. Default 4. */
  readonly family?: 4 | 6;
  /** UDP: absolute times (CLOCK_MONOTONIC us) of the first packet and of the end. Default now, and until stopped. */
  readonly firstUs?: number;
  readonly endUs?: number;
  /** UDP: over this link of the vehicle, bare, to the gateway or back, instead of through the tunnel. */
  readonly bare?: BareLink;
  /** TCP: bytes to send. Default: until stopped. */
  readonly totalBytes?: number;
}

/** A link by its place in the vehicle's list and its device name. */
export interface BareLink {
  readonly index: number;
  readonly device: string;
}

interface Known {
  readonly id: number;
  readonly vehicle: number;
  readonly name: string;
  readonly kind: TrafficKind;
  readonly direction: 'up' | 'down';
}

const NO_DELAY: DelayFigures = { p50Us: 0, p95Us: 0, p99Us: 0, maxUs: 0 };
const NOT_RECENT: RecentFigures = { windowUs: 0, rateBps: 0, lossRatio: 0, longestGapUs: 0, delay: NO_DELAY };

export class Traffic {
  readonly tcp = new TcpStreams();
  private readonly udp: Remote<TrafficMethods>;
  private readonly known = new Map<number, Known>();
  private nextId = 1;

  constructor(
    private readonly hosts: Hosts,
    onFailure: (error: Error) => void,
  ) {
    this.udp = Remote.thread(new URL('./thread.js', import.meta.url), 'traffic', onFailure);
  }

  /** Starts a flow and answers its number. */
  async start(plan: FlowPlan): Promise<number> {
    const id = this.nextId++;
    const { vehicle, kind, direction } = plan;
    if (this.hosts.clients[vehicle] === undefined) throw new RangeError(`there is no vehicle ${vehicle}`);
    this.known.set(id, { id, vehicle, kind, direction, name: `${kind} ${direction}` });
    if (kind === 'tcp') await this.startTcp(id, plan);
    else await this.startUdp(id, plan);
    return id;
  }

  async stop(id: number): Promise<void> {
    if (this.tcp.has(id)) await this.tcp.stop(id);
    else await this.udp.call('stop', id);
  }

  /** Forgets a flow. */
  async remove(id: number): Promise<void> {
    if (this.tcp.has(id)) this.tcp.remove(id);
    else await this.udp.call('remove', id);
    this.known.delete(id);
  }

  async figures(): Promise<FlowFigures[]> {
    const [udp, tcp] = await Promise.all([this.udp.call('figures'), this.tcp.records()]);
    const byId = new Map<number, FlowFigures>();
    for (const figures of udp) byId.set(figures.id, this.udpFigures(figures));
    for (const record of tcp) byId.set(record.flow, this.tcpFigures(record));
    return [...this.known.keys()].flatMap((id) => byId.get(id) ?? []);
  }

  /** CLOCK_MONOTONIC, microseconds. */
  nowUs(): number {
    return Number(process.hrtime.bigint() / 1000n);
  }

  async close(): Promise<void> {
    await Promise.all([this.udp.close(), this.tcp.close()]);
  }

  private async startUdp(id: number, plan: FlowPlan): Promise<void> {
    const { family = 4, firstUs, endUs } = plan;
    const { from, to, target, device } = this.way(plan);
    await this.udp.call('add', {
      id,
      fromNetns: from.path,
      toNetns: to.path,
      family,
      address: family === 4 ? target.v4 : target.v6,
      port: FIRST_PORT + id,
      bytes: plan.bytes,
      intervalUs: trafficIntervalUs(plan),
      dscp: plan.dscp ?? 0,
      ...(device === undefined ? {} : { device }),
      ...(firstUs === undefined ? {} : { startUs: firstUs }),
      ...(endUs === undefined ? {} : { stopUs: endUs }),
    });
  }

  private way({ vehicle, direction, bare }: FlowPlan) {
    const { clients, vehicles, gateway, hospital } = this.hosts;
    const [near, far] = bare === undefined ? [clients[vehicle], hospital] : [vehicles[vehicle], gateway];
    if (direction === 'up') {
      const target = bare === undefined ? addresses.HOSPITAL : addresses.GATEWAY_OUTSIDE;
      return { from: near, to: far, target, device: bare?.device };
    }
    const target = bare === undefined ? addresses.clientAddress(vehicle) : addresses.modemAddress(vehicle, bare.index);
    return { from: far, to: near, target, device: undefined };
  }

  private async startTcp(id: number, plan: FlowPlan): Promise<void> {
    const { vehicle, direction, family = 4, totalBytes = null, congestion, ecn } = plan;
    const address = family === 4 ? addresses.HOSPITAL.v4 : addresses.HOSPITAL.v6;
    const { clients, hospital } = this.hosts;
    await this.tcp.open({
      flow: id,
      client: clients[vehicle],
      server: hospital,
      address,
      direction,
      bytes: totalBytes,
      prepare: () => chooseTcp(this.hosts, vehicle, congestion, ecn),
    });
  }

  private udpFigures(figures: UdpFigures): FlowFigures {
    return { ...(this.known.get(figures.id) as Known), ...figures };
  }

  private tcpFigures({ flow, sent, received }: StreamRecord): FlowFigures {
    const figures: FlowFigures = {
      ...(this.known.get(flow) as Known),
      sent: sent.bytes,
      received: received.bytes,
      duplicates: 0,
      reordered: 0,
      longestGapUs: received.longestGapUs,
      longestGapAtUs: received.longestGapAtUs,
      senderLatestUs: 0,
      firstArrivalUs: received.firstUs,
      lastArrivalUs: received.lastUs,
      delay: NO_DELAY,
      recent: NOT_RECENT,
    };
    if (!sent.ended || !received.ended) return figures;
    return { ...figures, sha256: { sent: sent.sha256, received: received.sha256 } };
  }
}
