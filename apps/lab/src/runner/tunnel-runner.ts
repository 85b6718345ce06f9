/** Runs `corridor-tunnel` at both ends: the tunnel alone, no control plane. */
import { mkdirSync } from 'node:fs';
import { vehicleName } from '@corridor/sim';
import type { TunnelPolicy } from '@corridor/tunnel';
import type { HostStatus } from '@corridor/tunnel-host';
import type { End, Runner, RunnerContext } from './runner.js';
import { gatewayConfig, type KeyPair, makeKeyPair, vehicleConfig } from './tunnel-config.js';
import { TunnelProcess, tunnelFiles } from './tunnel-process.js';

const DIRECTORY = '/run/corridor-lab';

export class TunnelRunner implements Runner {
  readonly gatewayPublicKey: string;
  readonly gatewayStartUs = 400_000;
  private readonly gateway: TunnelProcess;
  private readonly vehicles: readonly TunnelProcess[];

  constructor(private readonly context: RunnerContext) {
    mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
    const keys = context.linkSets.map(makeKeyPair);
    const gatewayKey = makeKeyPair();
    this.gatewayPublicKey = gatewayKey.publicKey;
    this.gateway = this.makeGateway(gatewayKey, keys);
    this.vehicles = keys.map((key, vehicle) => this.makeVehicle(vehicle, key));
  }

  async start(): Promise<void> {
    await Promise.all([this.gateway, ...this.vehicles].map((tunnel) => tunnel.start()));
  }

  kill(who: End): Promise<void> {
    return this.process(who).kill();
  }

  startAgain(who: End): Promise<void> {
    return this.process(who).start();
  }

  status(who: End): Promise<HostStatus | undefined> {
    return this.process(who).status();
  }

  async setPolicy(vehicle: number, policy: TunnelPolicy): Promise<void> {
    // The host counts the version up by itself, so that the same scenario can run again and again.
    const { default: rest, classes } = policy;
    await this.process(vehicle).setPolicy({ default: rest, classes });
  }

  controlSocket(who: End): string {
    return tunnelFiles(DIRECTORY, endName(who)).control;
  }

  pid(who: End): number | undefined {
    return this.process(who).pid;
  }

  async close(): Promise<void> {
    await Promise.all([...this.vehicles, this.gateway].map((tunnel) => tunnel.stop()));
  }

  private makeGateway(key: KeyPair, vehicles: readonly KeyPair[]): TunnelProcess {
    const { outsideFamily, policy, mtu, hosts } = this.context;
    const files = tunnelFiles(DIRECTORY, 'gateway');
    const config = gatewayConfig(files, outsideFamily, vehicles, policy, { mtu });
    return this.make('gateway', hosts.gateway, key, config);
  }

  private makeVehicle(vehicle: number, key: KeyPair): TunnelProcess {
    const { outsideFamily, policy, mtu, hosts, linkSets } = this.context;
    const files = tunnelFiles(DIRECTORY, endName(vehicle));
    const links = linkSets[vehicle] ?? [];
    const config = vehicleConfig(files, outsideFamily, vehicle, this.gatewayPublicKey, links, policy, { mtu });
    return this.make(vehicle, hosts.vehicles[vehicle], key, config);
  }

  private make(who: End, host: RunnerContext['hosts']['gateway'], key: KeyPair, config: unknown): TunnelProcess {
    const name = endName(who);
    return new TunnelProcess(
      name,
      host,
      tunnelFiles(DIRECTORY, name),
      DIRECTORY,
      key.privateKey,
      config,
      (event) => this.context.onEvent(who, event),
      this.context.onFailure,
    );
  }

  private process(who: End): TunnelProcess {
    const found = who === 'gateway' ? this.gateway : this.vehicles[who];
    if (found === undefined) throw new RangeError(`vehicle ${who} has no tunnel`);
    return found;
  }
}

function endName(who: End): string {
  return who === 'gateway' ? 'gateway' : vehicleName(who);
}
