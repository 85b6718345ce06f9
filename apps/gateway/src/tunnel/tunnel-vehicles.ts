import type { GatewayVehicle } from '@corridor/tunnel';
import type { TunnelHost } from '@corridor/tunnel-host';

/** What of a host is needed to keep its vehicles right. */
export type VehicleHost = Pick<TunnelHost, 'addVehicle' | 'removeVehicle'>;

/**
 * Which vehicles the engine should know, and the one worker that makes it so: changes are applied one after the other, what
 * is no longer wanted first, and a change that comes while no host runs is applied to the next one.
 */
export class TunnelVehicles {
  readonly #wanted = new Map<string, GatewayVehicle>();
  readonly #changed = new Set<string>();
  readonly #onMistake: (vehicle: string, error: Error) => void;
  #host: VehicleHost | undefined;
  #working: Promise<void> | undefined;

  /** @param onMistake told when the host refuses a vehicle, such as for a route that somebody else has */
  constructor(onMistake: (vehicle: string, error: Error) => void) {
    this.#onMistake = onMistake;
  }

  put(vehicle: GatewayVehicle): void {
    this.#wanted.set(vehicle.name, vehicle);
    this.#note(vehicle.name);
  }

  remove(name: string): void {
    if (this.#wanted.delete(name)) this.#note(name);
  }

  /** All that are wanted, for a host that is about to start; changes from now on are kept for {@link attach}. */
  forStart(): GatewayVehicle[] {
    this.#changed.clear();
    return [...this.#wanted.values()];
  }

  /** A host started without them: all are to be added one by one. */
  addAll(): void {
    for (const name of this.#wanted.keys()) this.#changed.add(name);
  }

  attach(host: VehicleHost): void {
    this.#host = host;
    this.#work();
  }

  detach(): void {
    this.#host = undefined;
  }

  /** Resolves when the host knows everything. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  #note(name: string): void {
    this.#changed.add(name);
    this.#work();
  }

  #work(): void {
    if (this.#working || !this.#host || this.#changed.size === 0) return;
    this.#working = this.#apply().finally(() => {
      this.#working = undefined;
      this.#work();
    });
  }

  async #apply(): Promise<void> {
    for (let name = this.#next(); name !== undefined && this.#host; name = this.#next()) {
      const host = this.#host;
      const vehicle = this.#wanted.get(name);
      this.#changed.delete(name);
      try {
        if (vehicle) await host.addVehicle(vehicle);
        else await host.removeVehicle(name);
      } catch (error) {
        // A host that died starts again with all that is wanted: only what a living one refused is a mistake.
        if (this.#host === host) this.#onMistake(name, error as Error);
      }
    }
  }

  #next(): string | undefined {
    let first: string | undefined;
    for (const name of this.#changed) {
      if (!this.#wanted.has(name)) return name;
      first ??= name;
    }
    return first;
  }
}
