import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { PolicyService } from '../policy/policy.service.js';
import { TelemetryRepository } from '../store/telemetry-repository.js';
import { DeviceDirectory } from './device-directory.js';
import { lastLine } from './last-line.js';
import { StatusService } from './status.service.js';
import { DAY_MS } from './storable.js';

/** How far back the last known state of a vehicle is looked for. */
const REMEMBER_DAYS = 7;

/** Gives StatusService, which knows nobody, what it needs of the others: devices, policies, and what was last known. */
@Injectable()
export class TelemetryStart implements OnModuleInit {
  readonly #log = new Logger('telemetry');

  constructor(
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(DeviceDirectory) private readonly devices: DeviceDirectory,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(PolicyService) private readonly policy: PolicyService,
    @Inject(TelemetryRepository) private readonly repository: TelemetryRepository,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    this.status.usePolicyStatus((vehicleId) => this.policy.statusOf(vehicleId));
    this.devices.learn(await this.fleet.activeDevices());
    try {
      this.status.restore(await this.repository.lastFrames(this.clock.nowMs() - REMEMBER_DAYS * DAY_MS));
    } catch (error) {
      // Nothing depends on it: whoever is alive tells so within a second.
      this.#log.warn(`what was last known of the vehicles could not be read: ${lastLine(error as Error)}`);
    }
  }
}
