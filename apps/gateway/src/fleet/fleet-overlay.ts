import { Inject, Injectable } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { Overlay } from './overlay.js';

/** The overlay that this gateway is configured with. */
@Injectable()
export class FleetOverlay extends Overlay {
  constructor(@Inject(GatewayConfig) config: GatewayConfig) {
    super(config.overlay, config.overlay6);
  }
}
