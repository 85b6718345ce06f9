import type { IClientOptions, MqttClient } from 'mqtt';
import type { ActiveDevice } from '../kernel/domain-events.js';

/** What a device gets to reach the broker, as its credentials carry it. */
export interface MqttGrant {
  /** In the order to try. */
  readonly urls: string[];
  readonly username: string;
  /** null: the access token is the password. */
  readonly password: string | null;
}

/** Options of the gateway's own connection that are the bus's business, not the broker's. */
export type BusOptions = Pick<
  IClientOptions,
  'keepalive' | 'connectTimeout' | 'reconnectPeriod' | 'clean' | 'resubscribe'
> &
  Pick<IClientOptions, 'queueQoSZero' | 'manualConnect' | 'protocolVersion'>;

/**
 * The broker, embedded or external, as the rest of the gateway sees it: who may come in, and how the gateway itself does.
 * The class is its DI token.
 */
export abstract class BrokerAccess {
  /**
   * Whether the broker itself tells which devices are connected; else their status documents and wills do.
   */
  abstract readonly tellsPresence: boolean;
  /** What devices did and must not, by kind, since the start. */
  abstract readonly refusals: ReadonlyMap<string, number>;

  abstract open(): Promise<void>;
  abstract close(): Promise<void>;

  /**
   * Lets a device in, on its own topics only. With an external broker each call makes a new password.
   * @throws DomainError `broker-offline` when an external broker cannot be reached
   */
  abstract grant(device: ActiveDevice): Promise<MqttGrant>;

  /**
   * Shuts a device out and cuts its live session. Resolves when that is done, or, while an external broker cannot be
   * reached, when it is certain to be done as soon as it can.
   */
  abstract revoke(deviceId: string): Promise<void>;

  /**
   * A new client of the gateway itself, which may use the topics of all devices.
   * @throws Error when the broker is not there
   */
  abstract connectBus(options: BusOptions): MqttClient;
}
