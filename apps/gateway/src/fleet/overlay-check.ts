import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { StartError } from '../kernel/start-error.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { FleetOverlay } from './fleet-overlay.js';

/** Vehicles keep their host numbers; an overlay that was made smaller would give two of them one address. */
@Injectable()
export class OverlayCheck implements OnModuleInit {
  constructor(
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(FleetRepository) private readonly repository: FleetRepository,
  ) {}

  /** @throws StartError */
  async onModuleInit(): Promise<void> {
    const highest = await this.repository.highestHost();
    const { prefixes, lastHost } = this.overlay;
    if (highest <= lastHost) return;
    throw new StartError(
      `CORRIDOR_OVERLAY: a vehicle has host number ${highest}, but ${prefixes.join(' and ')} end at ${lastHost}; ` +
        'expected a prefix that holds every vehicle, archived ones included',
    );
  }
}
