/**
 * The ground on which tunnels and rivals are measured: a lab whose vehicles all have the same links, each its own, and
 * ways from vehicle to gateway that take turns on them.
 *
 *     corridor   client-v ─ vehicle-v ═ all links ═ gateway ─ hospital     through the tunnel
 *     mptcp      vehicle-v ═ all links ═ gateway                          a subflow a link, by the kernel
 *     w0, w1 …   vehicle-v ─ this link ─ gateway                          bare, bound to the device
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { LinkSpec, TrafficSpec } from '@corridor/sim';
import type { TunnelPolicy } from '@corridor/tunnel';
import * as addresses from '../../addresses.js';
import type { FlowFigures } from '../../face.js';
import { Lab } from '../../lab.js';
import type { BareLink } from '../../traffic/traffic.js';
import { STREAM_SYSCTLS, type StreamFigures, type StreamOrder, Streams } from './streams.js';

/** `corridor`, `mptcp`, or the name of a link. */
export type Way = string;

export interface GroundOptions {
  readonly links: readonly LinkSpec[];
  readonly vehicles: number;
  readonly seed: number;
  readonly policy: TunnelPolicy;
  /** False: links only, no tunnel. Default true. */
  readonly tunnel?: boolean;
}

/** A flow is told to start this far ahead, so that both directions begin together. */
const LEAD_US = 50_000;
/** Time for the last packets of a flow to arrive: more than any queue of the benches holds. */
const LATE_MS = 4_000;

export type StreamPlan = Pick<StreamOrder, 'direction' | 'seconds' | 'congestion'> & Partial<StreamOrder>;

export class Ground {
  /** How late the links wrote packets (p99, the worst link), of every ground that was closed, microseconds. */
  static readonly lateUs: number[] = [];
  private readonly streams = new Streams();

  private constructor(
    readonly lab: Lab,
    readonly links: readonly LinkSpec[],
  ) {}

  /** Resolves when the tunnels stand on every link. */
  static async create(options: GroundOptions): Promise<Ground> {
    const { links, vehicles, seed, policy, tunnel = true } = options;
    const lab = await Lab.create({ vehicles, links, seed, policy, tunnel });
    const ground = new Ground(lab, links);
    try {
      await ground.prepare();
      if (tunnel) await lab.ready();
    } catch (error) {
      await ground.close();
      throw error;
    }
    return ground;
  }

  /** Carries one stream; the payload that arrived, by time. */
  stream(vehicle: number, way: Way, plan: StreamPlan): Promise<StreamFigures> {
    const { hosts } = this.lab;
    const order = {
      protocol: way === 'mptcp' ? 'mptcp' : 'tcp',
      device: way === 'corridor' || way === 'mptcp' ? null : way,
      paced: null,
      ...plan,
    } as const;
    return way === 'corridor'
      ? this.streams.run(hosts.clients[vehicle], addresses.HOSPITAL.v4, order)
      : this.streams.run(hosts.vehicles[vehicle], addresses.GATEWAY_OUTSIDE.v4, order);
  }

  /**
   * Runs a flow of stamped packets for some seconds; `mptcp` carries none.
   *
   * @param firstUs when the first packet leaves, CLOCK_MONOTONIC. Default: in a moment.
   */
  async flow(
    vehicle: number,
    way: Way,
    spec: TrafficSpec,
    seconds: number,
    firstUs = this.lab.traffic.nowUs() + LEAD_US,
  ): Promise<FlowFigures> {
    const endUs = firstUs + seconds * 1e6;
    const id = await this.lab.startFlowWith({ ...spec, vehicle, firstUs, endUs, ...this.bare(way) });
    await pause((endUs - this.lab.traffic.nowUs()) / 1e3 + LATE_MS);
    const figures = (await this.lab.flows()).find((flow) => flow.id === id);
    await this.lab.traffic.remove(id);
    if (figures === undefined) throw new Error(`flow ${id} has no figures`);
    return figures;
  }

  /**
   * The next contender finds what the one before found: waits until nothing is in flight on any link, 5 s at most, and
   * starts the links' luck, traces and rate profiles from their beginning.
   */
  async fresh(): Promise<void> {
    for (let waited = 0; waited < 5_000; waited += 100) {
      const links = await this.lab.links();
      // A probe now and then is no queue.
      if (links.every(({ inFlight }) => inFlight <= 2)) break;
      await pause(100);
    }
    await this.lab.restartLinks();
  }

  async close(): Promise<void> {
    this.streams.close();
    const links = await this.lab.links().catch(() => []);
    Ground.lateUs.push(...links.map(({ latenessUs }) => latenessUs.p99Us));
    await this.lab.close();
  }

  private bare(way: Way): { bare?: BareLink } {
    if (way === 'corridor') return {};
    const index = this.links.findIndex(({ name }) => name === way);
    if (index < 0) throw new Error(`no link is called "${way}"`);
    return { bare: { index, device: way } };
  }

  private async prepare(): Promise<void> {
    const { gateway, hospital, vehicles, clients } = this.lab.hosts;
    await Promise.all([gateway, hospital, ...vehicles, ...clients].map((host) => host.sysctl(STREAM_SYSCTLS)));
    await Promise.all([gateway, hospital].map((host) => this.streams.serve(host)));
    if (mptcpMissing() === undefined) await this.prepareMptcp();
  }

  /** Path manager of the kernel: a subflow over every link, joined as soon as the connection stands. */
  private async prepareMptcp(): Promise<void> {
    const { gateway, vehicles } = this.lab.hosts;
    const limits = 'mptcp limits set subflow 8 add_addr_accepted 8';
    await gateway.ip([limits]);
    for (const [vehicle, host] of vehicles.entries()) {
      const endpoints = this.links.map(
        ({ name }, link) => `mptcp endpoint add ${addresses.modemAddress(vehicle, link).v4} dev ${name} subflow`,
      );
      await host.ip([limits, ...endpoints]);
    }
  }
}

/** In one sentence why MPTCP cannot take part; undefined when it can. */
export function mptcpMissing(): string | undefined {
  try {
    if (readFileSync('/proc/sys/net/mptcp/enabled', 'utf8').trim() === '1') return undefined;
    return 'MPTCP is switched off (net.mptcp.enabled)';
  } catch {
    return 'this kernel has no MPTCP';
  }
}

/** In one sentence that the kernel does not have a congestion control; no module is loaded for a bench. */
export function congestionMissing(name: string): string | undefined {
  const has = readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8').trim().split(/\s+/);
  return has.includes(name) ? undefined : `this kernel has no ${name} (modprobe tcp_${name} where that is allowed)`;
}
