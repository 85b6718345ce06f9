/**
 * Runs the real gateway and a real agent per vehicle. Agents enrol at the first start as they would anywhere: a claim made
 * by an operator over REST, `corridor-agent enroll` over an uplink inside the vehicle. Everything that shall survive lies
 * in one data folder, so that the next start finds the fleet as it was.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vehicleName } from '@corridor/sim';
import type { TunnelPolicy } from '@corridor/tunnel';
import type { HostStatus } from '@corridor/tunnel-host';
import * as addresses from '../addresses.js';
import { ControlledProcess } from './controlled-process.js';
import type { FleetFolders } from './fleet-folders.js';
import { adminPassword, FleetRegistry, type VehiclePlan } from './fleet-registry.js';
import { policyLayer } from './policy-layer.js';
import type { End, Runner, RunnerContext } from './runner.js';

const GATEWAY = fileURLToPath(new URL('../../../gateway/bin/corridor-gateway.js', import.meta.url));
const AGENT = fileURLToPath(new URL('../../../agent/bin/corridor-agent.js', import.meta.url));
const HTTPS_PORT = 8443;
const READY_TIMEOUT_MS = 90_000;
const ENROL_TIMEOUT_MS = 60_000;
const ENROL_AGAIN_MS = 1_000;
const APPLIED_TIMEOUT_MS = 15_000;
const LOOK_AGAIN_MS = 50;
const RESTART_MS = 1_000;

export interface FleetOptions {
  readonly folders: FleetFolders;
  /** Vehicles by slot; undefined: a spare, which waits for a claim ({@link FleetRunner.enrol}). */
  readonly plans: readonly (VehiclePlan | undefined)[];
  readonly group: { readonly name: string; readonly description: string };
  /** Of the gateway, beside what the lab sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where each vehicle's receiver is; absent: none. */
  readonly gpsd?: { readonly host: string; readonly port: number };
  /** Programs that end by themselves are started again; otherwise that is a failure of the lab. Default false. */
  readonly restart?: boolean;
  /** Vehicles follow the lab's policy to the letter, without the classes that a gateway has built in. Default false. */
  readonly exactPolicy?: boolean;
  /** The data folder goes at the end. Default false. */
  readonly temporary?: boolean;
  /** What has to run before the gateway. */
  readonly before?: () => Promise<void>;
  /** Hears of every step. */
  readonly log?: (line: string) => void;
}

export class FleetRunner implements Runner {
  readonly gatewayStartUs = 2_500_000;
  readonly registry: FleetRegistry;
  private readonly gateway: ControlledProcess;
  private readonly agents: readonly ControlledProcess[];
  /** Names of all classes that any vehicle was told of. */
  private readonly classes = new Set<string>();
  private publicKey = '';
  private closing = false;

  constructor(
    private readonly context: RunnerContext,
    private readonly options: FleetOptions,
  ) {
    const { folders } = options;
    this.registry = new FleetRegistry(folders);
    this.gateway = this.makeGateway();
    this.agents = context.linkSets.map((_, slot) => this.makeAgent(slot));
  }

  /** Base64. */
  get gatewayPublicKey(): string {
    return this.publicKey;
  }

  async start(): Promise<void> {
    const log = this.options.log ?? (() => {});
    await this.options.before?.();
    log('starting the gateway');
    await this.startAgain('gateway');
    await this.registry.login();
    await this.registry.setOrganisationPolicy(policyLayer(this.context.policy));
    const { id: groupId } = await this.registry.group(this.options.group.name, this.options.group.description);
    await Promise.all(
      this.options.plans.map(async (plan, slot) => {
        if (this.registry.vehicleId(slot) === undefined) {
          if (plan === undefined) return;
          const { vehicle, claim } = await this.registry.claimFor(plan, groupId);
          log(`enrolling ${plan.name}`);
          await this.enrolAgent(slot, claim);
          this.registry.assign(slot, vehicle.id);
        }
        await this.startAgain(slot);
        if (this.options.exactPolicy) await this.setPolicy(slot, this.context.policy);
      }),
    );
  }

  /**
   * Enrols the agent of a spare slot with a claim that an operator made, and starts it; answers the vehicle's id.
   * @throws Error with what the agent said.
   */
  async enrol(slot: number, claim: string): Promise<string> {
    await this.enrolAgent(slot, claim);
    await this.startAgain(slot);
    const vehicleId = await this.registry.vehicleOfClaim(claim);
    this.registry.assign(slot, vehicleId);
    return vehicleId;
  }

  /** Slots whose agent has not been enrolled yet. */
  spares(): number[] {
    return this.options.plans.map((_, slot) => slot).filter((slot) => this.registry.vehicleId(slot) === undefined);
  }

  async kill(who: End): Promise<void> {
    await this.process(who).kill();
  }

  async startAgain(who: End): Promise<void> {
    const process = this.process(who);
    const child = process.launch();
    if (who === 'gateway') await this.ready();
    await process.connect(child);
  }

  async status(who: End): Promise<HostStatus | undefined> {
    const status = await this.process(who).status();
    if (status === undefined || who !== 'gateway') return status;
    const named = (id: string) => {
      const slot = this.registry.slotOf(id);
      return slot === undefined ? id : vehicleName(slot);
    };
    return { ...status, peers: status.peers.map((peer) => ({ ...peer, name: named(peer.name) })) };
  }

  /** As an operator would: saved over REST, done when the vehicle says that it is applied. */
  async setPolicy(vehicle: number, policy: TunnelPolicy): Promise<void> {
    const id = this.registry.vehicleId(vehicle);
    if (id === undefined) throw new RangeError(`vehicle ${vehicle} is not enrolled`);
    const present = (await this.registry.policy(id)).target;
    for (const { name } of present?.policy.classes ?? []) this.classes.add(name);
    const before = present?.digest;
    const layer = policyLayer(policy, this.options.exactPolicy ? this.classes : []);
    await this.registry.setVehiclePolicy(id, layer, 'a scenario of the lab');
    const giveUp = Date.now() + APPLIED_TIMEOUT_MS;
    for (;;) {
      const { target, applied } = await this.registry.policy(id);
      if (target !== null && target.version === applied?.version && target.digest !== before) return;
      // The same content again has the same digest: nothing is sent, and nothing has to be waited for.
      if (target?.digest === before && applied?.digest === before && Date.now() > giveUp - APPLIED_TIMEOUT_MS + 1000)
        return;
      if (Date.now() > giveUp) throw new Error(`vehicle ${vehicle} did not apply the policy: ${target?.reason}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  controlSocket(who: End): string {
    return this.process(who).plan.control;
  }

  pid(who: End): number | undefined {
    return this.process(who).pid;
  }

  async close(): Promise<void> {
    this.closing = true;
    await Promise.all(this.agents.map((agent) => agent.stop()));
    await this.gateway.stop();
    if (this.options.temporary === true) rmSync(this.options.folders.data, { recursive: true, force: true });
  }

  private makeGateway(): ControlledProcess {
    const { folders, env } = this.options;
    const { outsideFamily, hosts } = this.context;
    const { v4, v6 } = addresses.GATEWAY_OUTSIDE;
    const outside = outsideFamily === 4 ? v4 : `[${v6}]`;
    adminPassword(folders);
    return new ControlledProcess({
      name: 'the gateway',
      host: hosts.gateway,
      argv: [GATEWAY],
      env: {
        CORRIDOR_DATA: folders.gateway,
        CORRIDOR_ADMIN_PASSWORD_FILE: folders.passwordFile,
        CORRIDOR_HTTP_SOCKET: folders.httpSocket,
        CORRIDOR_LISTEN: `${outside}:${HTTPS_PORT}`,
        CORRIDOR_PUBLIC_URL: `https://${outside}:${HTTPS_PORT}`,
        CORRIDOR_TUNNEL_LISTEN: `${outside}:${addresses.TUNNEL_PORT}`,
        CORRIDOR_TUNNEL_ENDPOINTS: `${outside}:${addresses.TUNNEL_PORT}`,
        CORRIDOR_OVERLAY6: 'fd77::/64',
        CORRIDOR_ROUTES: addresses.HOSPITAL_PREFIXES.join(','),
        ...env,
      },
      control: folders.gatewayControl,
      logFile: folders.log('gateway'),
      onEvent: (event) => this.context.onEvent('gateway', event),
      onDeath: (error) => this.died('gateway', error),
    });
  }

  private makeAgent(slot: number): ControlledProcess {
    const { folders, gpsd } = this.options;
    const { hosts, linkSets, mtu } = this.context;
    const config = {
      stateDir: folders.vehicle(slot),
      control: folders.vehicleControl(slot),
      uplinks: linkSets[slot]?.map(({ name, priority, metered }) => ({
        device: name,
        ...(priority === undefined ? {} : { priority }),
        ...(metered === undefined ? {} : { metered }),
      })),
      tun: { name: 'cor0', ...(mtu === undefined ? {} : { mtu }) },
      ...(gpsd === undefined ? {} : { gpsd }),
    };
    writeFileSync(folders.agentConfig(slot), JSON.stringify(config, null, 2));
    return new ControlledProcess({
      name: `the agent of ${vehicleName(slot)}`,
      host: hosts.vehicles[slot],
      argv: [...asMachine(`ambulance-${slot + 1}`), AGENT, 'run', '--config', folders.agentConfig(slot)],
      control: folders.vehicleControl(slot),
      logFile: folders.log(vehicleName(slot)),
      onEvent: (event) => this.context.onEvent(slot, event),
      onDeath: (error) => this.died(slot, error),
    });
  }

  /** A program ended by itself. With `restart` it comes back, as systemd would have it. */
  private died(who: End, error: Error): void {
    if (this.options.restart !== true) {
      this.context.onFailure(error);
      return;
    }
    this.options.log?.(error.message);
    setTimeout(() => {
      if (!this.closing) this.startAgain(who).catch((again: Error) => this.died(who, again));
    }, RESTART_MS);
  }

  /** The vehicle may start where the uplink that its routes prefer has no reception: asks again for a while. */
  private async enrolAgent(slot: number, claim: string): Promise<void> {
    const { folders } = this.options;
    const outside =
      this.context.outsideFamily === 4 ? addresses.GATEWAY_OUTSIDE.v4 : `[${addresses.GATEWAY_OUTSIDE.v6}]`;
    const url = `https://${outside}:${HTTPS_PORT}`;
    const [command = '', ...words] = asMachine(`ambulance-${slot + 1}`);
    const args = [...words, process.execPath, AGENT, 'enroll', url, claim, '--config', folders.agentConfig(slot)];
    const giveUp = Date.now() + ENROL_TIMEOUT_MS;
    for (;;) {
      const done = await this.context.hosts.vehicles[slot].run(command, args, { timeoutMs: ENROL_TIMEOUT_MS });
      if (done.code === 0) return;
      if (Date.now() > giveUp || !/cannot be reached|no answer within/.test(done.stderr)) {
        throw new Error(`corridor-agent enroll failed: ${done.stderr.trim() || done.stdout.trim()}`);
      }
      await delay(ENROL_AGAIN_MS);
    }
  }

  /** Resolves when the gateway is ready to serve. */
  private async ready(): Promise<void> {
    const giveUp = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const said = await this.registry.rest.raw('GET', '/health/ready').catch((error: Error) => error);
      if (!(said instanceof Error) && said.status === 200) return;
      if (this.gateway.pid === undefined) throw new Error(`the gateway did not start: ${this.gateway.lastWords()}`);
      if (Date.now() > giveUp) {
        const last = said instanceof Error ? said.message : `${said.status} ${said.text}`;
        throw new Error(
          `the gateway is not ready after ${READY_TIMEOUT_MS / 1000} s: ${last} ${this.gateway.lastWords()}`,
        );
      }
      await delay(LOOK_AGAIN_MS);
    }
  }

  private process(who: End): ControlledProcess {
    const found = who === 'gateway' ? this.gateway : this.agents[who];
    if (found === undefined) throw new RangeError(`there is no vehicle ${who}`);
    return found;
  }
}

/** Words before a command that give it a host name of its own: it is what a device says of itself at enrolment. */
function asMachine(name: string): string[] {
  return ['unshare', '--uts', 'sh', '-c', `echo ${name} > /proc/sys/kernel/hostname; exec "$@"`, 'sh'];
}
