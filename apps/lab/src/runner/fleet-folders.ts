/** Where the gateway and the agents of a lab keep what they have. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

export class FleetFolders {
  readonly gateway: string;

  /**
   * @param data what shall survive: the gateway's data and each vehicle's state; an absolute path.
   * @param run sockets, logs and configurations of this start; a short path, as a unix socket's has 107 bytes at most.
   */
  constructor(
    readonly data: string,
    readonly run: string,
  ) {
    this.gateway = join(data, 'gateway');
    for (const folder of [this.gateway, join(data, 'vehicles'), run]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  }

  /** State of the agent on this vehicle. */
  vehicle(slot: number): string {
    return join(this.data, 'vehicles', String(slot));
  }

  /** Name of the first administrator's password file. */
  get passwordFile(): string {
    return join(this.data, 'admin-password');
  }

  /** Which registered vehicle each slot is. */
  get slotsFile(): string {
    return join(this.data, 'slots.json');
  }

  get httpSocket(): string {
    return join(this.run, 'http.sock');
  }

  get gatewayControl(): string {
    return join(this.gateway, 'tunnel.sock');
  }

  vehicleControl(slot: number): string {
    return join(this.run, `agent-${slot}.sock`);
  }

  agentConfig(slot: number): string {
    return join(this.run, `agent-${slot}.json`);
  }

  log(name: string): string {
    return join(this.run, `${name}.log`);
  }
}
