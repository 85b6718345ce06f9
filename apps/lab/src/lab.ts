/** The lab itself: hosts, links, tunnels and traffic behind {@link LabFace}. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type DirectionChange,
  type LinkDirectionResult,
  type LinkSpec,
  type StepDirection,
  type TrafficSpec,
  vehicleName,
} from '@corridor/sim';
import { builtInPolicy, type PeerStatus, type TunnelPolicy } from '@corridor/tunnel';
import type { HostStatus } from '@corridor/tunnel-host';
import * as addresses from './addresses.js';
import type { EmulatorMethods } from './emulator/thread.js';
import type { FlowFigures, HostName, LabEvent, LabFace, LabOptions, LinkFigures } from './face.js';
import { changeModemAddress, configureLinks, createHosts, type Hosts, linkPlans } from './hosts.js';
import type { Runner } from './runner/runner.js';
import { TunnelRunner } from './runner/tunnel-runner.js';
import { insideSandbox, SandboxError } from './sandbox/enter.js';
import type { Netns } from './sandbox/netns.js';
import { Remote } from './thread/rpc.js';
import { type FlowPlan, Traffic } from './traffic/traffic.js';

const READY_TIMEOUT_MS = 20_000;
const LOOK_AGAIN_MS = 50;

/** Three links of 20 Mbit/s with 20, 30 and 45 ms one way: the ones that the failover figures are about. */
export const DEFAULT_LINKS: readonly LinkSpec[] = [20_000, 30_000, 45_000].map((delayUs, index) => {
  const direction = { rateBps: 20_000_000, delayUs };
  return { name: `w${index}`, up: direction, down: direction, priority: index + 1 };
});

/** What an operator has who set nothing. */
export const DEFAULT_POLICY: TunnelPolicy = { ...builtInPolicy, version: 1 };

export class Lab implements LabFace {
  readonly vehicles: number;
  readonly hospitalAddress = addresses.HOSPITAL;
  readonly traffic: Traffic;
  private readonly events = new EventEmitter<{ event: [LabEvent]; failure: [Error] }>();
  private readonly emulator: Remote<EmulatorMethods>;
  private readonly addressChanges = new Map<string, number>();
  private runner: Runner | undefined;
  private readonly children = new Set<ChildProcess>();
  private closing = false;

  private constructor(
    readonly hosts: Hosts,
    private readonly linkSets: readonly (readonly LinkSpec[])[],
    private readonly options: LabOptions,
  ) {
    this.vehicles = linkSets.length;
    const fail = (error: Error) => this.fail(error);
    this.emulator = Remote.thread(new URL('./emulator/thread.js', import.meta.url), 'emulator', fail);
    this.traffic = new Traffic(hosts, fail);
  }

  /** Builds a lab and starts everything in it; {@link ready} tells when the tunnels stand. Inside the sandbox only. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    if (!insideSandbox()) throw new SandboxError('a lab can only be made inside the sandbox (see sandbox/enter).');
    const vehicles = options.vehicles ?? 1;
    if (!(vehicles >= 1 && vehicles <= addresses.MOST_VEHICLES)) {
      throw new RangeError(`vehicles: 1 to ${addresses.MOST_VEHICLES} were expected`);
    }
    const { links = DEFAULT_LINKS } = options;
    const linkSets = Array.from({ length: vehicles }, (_, v) => (typeof links === 'function' ? links(v) : links));
    const lab = new Lab(await createHosts(vehicles), linkSets, options);
    try {
      await lab.startLinks();
      if (options.tunnel !== false) await lab.startTunnels();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** Base64. */
  get gatewayPublicKey(): string {
    return this.ends.gatewayPublicKey;
  }

  linkNames(vehicle: number): readonly string[] {
    return this.linksOf(vehicle).map(({ name }) => name);
  }

  cut(vehicle: number, link: string, direction: StepDirection = 'both'): void {
    this.tell(this.emulator.call('setBlackout', vehicle, link, direction, true));
  }

  restore(vehicle: number, link: string, direction: StepDirection = 'both'): void {
    this.tell(this.emulator.call('setBlackout', vehicle, link, direction, false));
  }

  setLink(vehicle: number, link: string, direction: StepDirection, change: DirectionChange): void {
    this.tell(this.emulator.call('setLink', vehicle, link, direction, change));
  }

  rebindNat(vehicle: number, link: string): void {
    this.tell(this.emulator.call('rebindNat', vehicle, link));
  }

  async changeAddress(vehicle: number, link: string): Promise<void> {
    const index = this.linkIndex(vehicle, link);
    const key = `${vehicle}/${link}`;
    const changes = (this.addressChanges.get(key) ?? 0) + 1;
    this.addressChanges.set(key, changes);
    const next = addresses.modemAddress(vehicle, index, changes);
    // First the operator forgets the old address, then the modem gets the new one.
    await this.emulator.call('setAddresses', vehicle, link, [next.v4, next.v6]);
    await changeModemAddress(this.hosts, vehicle, link, index, changes);
  }

  async restartGateway(downUs = 0): Promise<void> {
    const { ends } = this;
    await ends.kill('gateway');
    if (downUs > ends.gatewayStartUs) await delay((downUs - ends.gatewayStartUs) / 1000);
    await ends.startAgain('gateway');
  }

  async setPolicy(vehicle: number, policy: TunnelPolicy): Promise<void> {
    await this.ends.setPolicy(vehicle, policy);
  }

  async status(vehicle: number): Promise<PeerStatus | undefined> {
    return (await this.hostStatus(vehicle))?.peers[0];
  }

  async gatewayStatus(): Promise<readonly PeerStatus[]> {
    return (await this.hostStatus('gateway'))?.peers ?? [];
  }

  /** Everything that a tunnel process says of itself; undefined while it does not answer. */
  async hostStatus(who: number | 'gateway'): Promise<HostStatus | undefined> {
    return this.ends.status(who);
  }

  async ready(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const giveUp = Date.now() + timeoutMs;
    for (;;) {
      const missing = await this.missing();
      if (missing === undefined) return;
      if (Date.now() > giveUp) throw new Error(`the tunnels are not up after ${timeoutMs} ms: ${missing}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  startFlow(vehicle: number, spec: TrafficSpec): Promise<number> {
    return this.traffic.start({ ...spec, vehicle });
  }

  /** As {@link startFlow}, with everything that a flow can be told. */
  startFlowWith(plan: FlowPlan): Promise<number> {
    return this.traffic.start(plan);
  }

  stopFlow(id: number): Promise<void> {
    return this.traffic.stop(id);
  }

  flows(): Promise<readonly FlowFigures[]> {
    return this.traffic.figures();
  }

  links(): Promise<readonly LinkFigures[]> {
    return this.emulator.call('figures');
  }

  /** Counters of a link in the simulator's shape. */
  linkResult(vehicle: number, link: string): Promise<{ up: LinkDirectionResult; down: LinkDirectionResult }> {
    return this.emulator.call('results', vehicle, link);
  }

  /**
   * All links are as at the very start: empty, the same luck, traces and rate profiles from their beginning, counters at
   * 0. For contenders that take turns.
   */
  async restartLinks(): Promise<void> {
    await this.emulator.call('restart');
  }

  /** When a link's traces and rate profiles began, CLOCK_MONOTONIC us. */
  originUs(vehicle: number, link: string): Promise<number> {
    return this.emulator.call('originUs', vehicle, link);
  }

  /** Bytes that a direction of a link carried in each `binUs` between two times (CLOCK_MONOTONIC us). */
  carried(vehicle: number, link: string, direction: 'up' | 'down', fromUs: number, toUs: number) {
    return this.emulator.call('carried', vehicle, link, direction, fromUs, toUs);
  }

  /** Keeps copies of the next `limit` packets that a direction of a link carries; {@link captured} hands them over. */
  async capture(vehicle: number, link: string, direction: 'up' | 'down', limit: number): Promise<void> {
    await this.emulator.call('capture', vehicle, link, direction, limit);
  }

  captured(vehicle: number, link: string, direction: 'up' | 'down'): Promise<Uint8Array[]> {
    return this.emulator.call('captured', vehicle, link, direction);
  }

  /** Starts the statistics of how late packets left anew. */
  async resetLateness(): Promise<void> {
    await this.emulator.call('resetLateness');
  }

  host(name: HostName, vehicle = 0): Netns {
    if (name === 'gateway' || name === 'hospital') return this.hosts[name];
    const host = (name === 'client' ? this.hosts.clients : this.hosts.vehicles)[vehicle];
    if (host === undefined) throw new RangeError(`there is no vehicle ${vehicle}`);
    return host;
  }

  spawnIn(name: HostName, vehicle: number, argv: readonly string[], options?: SpawnOptions): ChildProcess {
    const [command, ...args] = argv;
    const child = this.host(name, vehicle).spawn(command, args, { detached: true, ...options });
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    return child;
  }

  clientAddress(vehicle: number): addresses.AddressPair {
    return addresses.clientAddress(vehicle);
  }

  controlSocket(who: number | 'gateway'): string {
    return this.ends.controlSocket(who);
  }

  tunnelPid(who: number | 'gateway'): number | undefined {
    return this.ends.pid(who);
  }

  on(kind: 'event', listener: (event: LabEvent) => void): void;
  /** Something of the lab itself broke: a thread or a tunnel process died. Without a listener it is thrown. */
  on(kind: 'failure', listener: (error: Error) => void): void;
  on(kind: 'event' | 'failure', listener: (value: never) => void): void {
    this.events.on(kind, listener as never);
  }

  /** Ends everything; the sandbox's end would do the same, less politely. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    for (const child of this.children) child.kill('SIGKILL');
    await this.runner?.close();
    await this.traffic.close();
    await this.emulator.close();
    const all = [this.hosts.gateway, this.hosts.hospital, ...this.hosts.vehicles, ...this.hosts.clients];
    await Promise.all(all.map((host) => host.delete()));
  }

  private async startLinks(): Promise<void> {
    const plans = this.linkSets.flatMap((links, vehicle) => linkPlans(this.hosts, vehicle, links));
    await this.emulator.call('create', this.options.seed ?? 1, plans);
    await Promise.all(this.linkSets.map((links, vehicle) => configureLinks(this.hosts, vehicle, links)));
    await this.emulator.call('start');
  }

  private async startTunnels(): Promise<void> {
    const { makeRunner = (context) => new TunnelRunner(context), policy, outsideFamily, mtu } = this.options;
    this.runner = makeRunner({
      hosts: this.hosts,
      linkSets: this.linkSets,
      policy: policy ?? DEFAULT_POLICY,
      outsideFamily: outsideFamily ?? 4,
      mtu,
      onEvent: (by, event) => this.events.emit('event', { by, event }),
      onFailure: (error) => this.fail(error),
    });
    await this.runner.start();
  }

  /** What {@link ready} still waits for, in words. */
  private async missing(): Promise<string | undefined> {
    for (let vehicle = 0; vehicle < this.vehicles; vehicle++) {
      const status = await this.status(vehicle);
      const name = vehicleName(vehicle);
      if (status?.session !== 'established') return `${name} has no session (${status?.session ?? 'no answer'})`;
      const peer = (await this.gatewayStatus()).find((other) => other.name === name);
      for (const [end, paths] of [
        [name, status.paths],
        [`gateway for ${name}`, peer?.paths ?? []],
      ] as const) {
        for (const link of this.linkNames(vehicle)) {
          const state = paths.find((path) => path.name === link)?.state ?? 'unknown';
          if (state !== 'up') return `${end}: path ${link} is ${state}`;
        }
      }
    }
    return undefined;
  }

  private linksOf(vehicle: number): readonly LinkSpec[] {
    const links = this.linkSets[vehicle];
    if (links === undefined) throw new RangeError(`there is no vehicle ${vehicle}`);
    return links;
  }

  private linkIndex(vehicle: number, link: string): number {
    const index = this.linksOf(vehicle).findIndex(({ name }) => name === link);
    if (index < 0) throw new RangeError(`vehicle ${vehicle} has no link "${link}"`);
    return index;
  }

  /** What runs at the ends of the tunnels. @throws Error in a lab without tunnels. */
  private get ends(): Runner {
    if (this.runner === undefined) throw new Error('this lab has no tunnels');
    return this.runner;
  }

  /** For commands to the emulator that have no answer: they arrive in order, and a mistake is the caller's bug. */
  private tell(answer: Promise<unknown>): void {
    answer.catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))));
  }

  private fail(error: Error): void {
    if (this.closing) return;
    if (this.events.listenerCount('failure') === 0) throw error;
    this.events.emit('failure', error);
  }
}
