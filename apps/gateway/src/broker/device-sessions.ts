import type { Client } from 'aedes';

/** `setTimeout` cannot wait longer. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

interface Session {
  readonly deviceId: string;
  readonly expiry: NodeJS.Timeout;
}

/**
 * Which connections are which device's, from the moment at which its token was accepted. The broker's own table holds
 * one connection per client id, and forgets a live one when a second of the same id fails half-way: cutting a revoked
 * device must not depend on it.
 */
export class DeviceSessions {
  readonly #live = new Map<Client, Session>();
  readonly #byDevice = new Map<string, Set<Client>>();
  /** Those with a connection that was ready, until the last connection ends: one that replaces another is not news. */
  readonly #connected = new Set<string>();
  /** Also of connections that have ended: their wills are judged after that. */
  readonly #identities = new WeakMap<Client, string>();

  /** @param lifetimeMs `onExpiry` is called after that, unless the session ends before */
  add(client: Client, deviceId: string, lifetimeMs: number, onExpiry: () => void): void {
    const wait = Math.min(Math.max(lifetimeMs, 0), LONGEST_TIMEOUT_MS);
    this.#live.set(client, { deviceId, expiry: setTimeout(onExpiry, wait).unref() });
    this.#identities.set(client, deviceId);
    const clients = this.#byDevice.get(deviceId) ?? new Set();
    this.#byDevice.set(deviceId, clients.add(client));
  }

  deviceOf(client: Client | null): string | undefined {
    return client === null ? undefined : this.#identities.get(client);
  }

  of(deviceId: string): readonly Client[] {
    return [...(this.#byDevice.get(deviceId) ?? [])];
  }

  /** The client may send and receive now. Answers the older connections of its device, or undefined for one that ended. */
  ready(client: Client): { deviceId: string; older: readonly Client[] } | undefined {
    const session = this.#live.get(client);
    if (session === undefined) return undefined;
    this.#connected.add(session.deviceId);
    return { deviceId: session.deviceId, older: this.of(session.deviceId).filter((each) => each !== client) };
  }

  /** Answers the device when it has no connection any more, and had one that was ready. */
  end(client: Client): string | undefined {
    const session = this.#live.get(client);
    if (session === undefined) return undefined;
    clearTimeout(session.expiry);
    this.#live.delete(client);
    const clients = this.#byDevice.get(session.deviceId)!;
    clients.delete(client);
    if (clients.size > 0) return undefined;
    this.#byDevice.delete(session.deviceId);
    return this.#connected.delete(session.deviceId) ? session.deviceId : undefined;
  }

  /** Devices with a connection that is ready. */
  get devices(): number {
    return this.#connected.size;
  }
}
