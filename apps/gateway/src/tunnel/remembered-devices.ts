import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CidrPrefix, Id, TunnelKey } from '@corridor/contracts';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import type { ActiveDevice } from '../kernel/domain-events.js';

const SAVE_MS = 200;

const Remembered = z.looseObject({
  devices: z.array(
    z.looseObject({
      deviceId: Id,
      vehicleId: Id,
      vehicleName: z.string(),
      tunnelPublicKeys: z.array(TunnelKey).min(1).max(2),
      prefixes: z.array(CidrPrefix),
    }),
  ),
});

/**
 * The devices that may use the tunnel, in a file: a gateway that starts while its database is away takes them from there. The
 * database has the last word as soon as it answers. It holds public keys only; who can write it could take the gateway's own
 * keys as well, which lie beside it.
 */
export class RememberedDevices {
  readonly #log = new Logger('tunnel');
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Empty when there is no file, or none that can be read: the database will tell. */
  load(): ActiveDevice[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return [];
    }
    try {
      return Remembered.parse(JSON.parse(text)).devices;
    } catch {
      this.#log.warn(`${this.#path} is damaged and left aside: tunnels begin when the database answers`);
      return [];
    }
  }

  /** Whole or not at all; a disk that is full costs the memory, not the gateway. */
  save(devices: readonly ActiveDevice[]): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const temporary = `${this.#path}.new`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      writeFileSync(temporary, `${JSON.stringify({ devices })}\n`, { mode: 0o600, flush: true });
      renameSync(temporary, this.#path);
    } catch (error) {
      this.#log.warn(`the devices could not be noted in ${this.#path}: ${(error as Error).message}`);
    }
  }

  /** Many changes in a row are written once. */
  saveSoon(devices: () => readonly ActiveDevice[]): void {
    this.#timer ??= setTimeout(() => this.save(devices()), SAVE_MS);
    this.#timer.unref();
  }
}
