import type { MetricFrame, TelemetryAck, VehicleEvent } from '@corridor/contracts';
import { eventOf, frameOf, Spool } from '@corridor/telemetry';
import type { HostEvent, HostStatus } from '@corridor/tunnel-host';
import type { GpsdClient } from '../position/gpsd.js';
import { Thrift } from './thrift.js';

/** Two hours without a connection make 1,300 frames (see `Thrift`); the rest is room for events. Some 3 KB each. */
export const SPOOL_RECORDS = 3_600;

export interface ReporterHooks {
  readonly connected: () => boolean;
  /** How long there has been no connection, milliseconds; 0 while there is one. */
  readonly offlineMs: () => number;
  publish(leaf: 'telemetry', text: string): Promise<void>;
}

/** Samples the tunnel, collects what happens, and keeps both until the gateway has committed them. */
export class Reporter {
  readonly #spool: Spool;
  readonly #hooks: ReporterHooks;
  readonly #gpsd: GpsdClient | undefined;
  readonly #monoMs: () => number;
  readonly #thrift = new Thrift();
  #cpu = process.cpuUsage();
  #cpuAtMs: number;

  constructor(session: number, gpsd: GpsdClient | undefined, hooks: ReporterHooks, monoMs: () => number) {
    this.#spool = new Spool({ session, capacity: SPOOL_RECORDS });
    this.#hooks = hooks;
    this.#gpsd = gpsd;
    this.#monoMs = monoMs;
    this.#cpuAtMs = monoMs();
  }

  get figures(): Spool['figures'] {
    return this.#spool.figures;
  }

  /** Call once a second: a frame of the tunnel's state, where one is due; and what waits is sent. */
  sample(status: HostStatus | undefined): void {
    const peer = status?.peers[0];
    if (this.#thrift.frameDue(peer, this.#monoMs(), this.#hooks.offlineMs())) {
      const extras = {
        position: this.#gpsd?.position,
        process: this.#process(),
        uplinks: status?.uplinks ?? [],
      };
      this.#spool.frame(
        peer === undefined || status === undefined ? noTunnel(extras) : frameOf(peer, status.atUs, extras),
        this.#monoMs(),
      );
    }
    this.flush();
  }

  /** What the tunnel's host told; policies are told by their own acknowledgements. */
  hostEvent(event: HostEvent): void {
    if (event.type === 'policy') return;
    const told = eventOf(event);
    if (told !== undefined) this.event(told);
  }

  event(event: VehicleEvent): void {
    this.#spool.event(event, this.#monoMs());
    this.flush();
  }

  /** A connection stands: everything that is not acknowledged goes out again. */
  connected(): void {
    this.#spool.connected();
    this.flush();
  }

  acknowledged(ack: TelemetryAck): void {
    this.#spool.acknowledged(ack);
    this.flush();
  }

  flush(): void {
    if (!this.#hooks.connected()) return;
    for (;;) {
      const batch = this.#spool.next(this.#monoMs());
      if (batch === undefined) return;
      // A failure ends the connection, and the next one sends again what is not acknowledged.
      this.#hooks.publish('telemetry', JSON.stringify(batch)).catch(() => {});
    }
  }

  #process(): { rssBytes: number; cpuRatio: number } {
    const used = process.cpuUsage(this.#cpu);
    const nowMs = this.#monoMs();
    const cpuRatio = (used.user + used.system) / 1000 / Math.max(1, nowMs - this.#cpuAtMs);
    this.#cpu = process.cpuUsage();
    this.#cpuAtMs = nowMs;
    return { rssBytes: process.memoryUsage.rss(), cpuRatio };
  }
}

/** While the tunnel itself cannot run, the vehicle still says so. */
function noTunnel({ position, process }: Pick<MetricFrame, 'position' | 'process'>): MetricFrame {
  return frameOf(
    {
      session: 'none',
      establishedAtUs: 0,
      policyVersion: 0,
      paths: [],
      classes: [],
      counters: { packetsSent: 0, packetsDelivered: 0, bytesSent: 0, bytesDelivered: 0, copiesSent: 0, replaysSent: 0 },
    },
    0,
    { position, process },
  );
}
