import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { lastLine } from './last-line.js';
import { DAY_MS } from './storable.js';

const EVERY_MS = 3_600_000;
const RETRY_MS = 60_000;

/** Makes tomorrow's partitions today, and drops those whose last row is older than what is to be kept. */
@Injectable()
export class RetentionService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('telemetry');
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    @Inject(TelemetryPartitions) private readonly partitions: TelemetryPartitions,
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    void this.#run();
  }

  onModuleDestroy(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Once; answers the names of what was dropped. */
  async keep(): Promise<string[]> {
    const nowMs = this.clock.nowMs();
    await this.partitions.ensure(nowMs);
    await this.partitions.ensure(nowMs + DAY_MS);
    return this.partitions.dropBefore(nowMs - this.config.retentionDays * DAY_MS);
  }

  async #run(): Promise<void> {
    let waitMs = EVERY_MS;
    try {
      const dropped = await this.keep();
      if (dropped.length > 0) this.#log.log(`past their ${this.config.retentionDays} days: ${dropped.join(', ')}`);
    } catch (error) {
      waitMs = RETRY_MS;
      this.#log.warn(`partitions could not be looked after: ${lastLine(error as Error)}`);
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#run(), waitMs);
    this.#timer.unref();
  }
}
