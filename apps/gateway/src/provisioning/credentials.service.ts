import type { Credentials } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { BrokerAccess } from '../broker/broker-access.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { DeviceAnnouncements } from '../fleet/device-announcements.js';
import { FleetOverlay } from '../fleet/fleet-overlay.js';
import { GATEWAY_HOST } from '../fleet/overlay.js';
import { activeDeviceOf } from '../fleet/representation.js';
import { Clock } from '../kernel/clock.js';
import { KeyRing } from '../kernel/key-ring.js';
import type { RegisteredDevice } from '../store/device-key-repository.js';
import { TunnelService } from '../tunnel/tunnel.service.js';
import { DeviceTokens, deviceRevoked } from './device-tokens.js';

/** Long enough to outlive a short outage of the database, short enough that nobody misses revocation lists. */
export const CREDENTIAL_SECONDS = 15 * 60;

/** Puts together everything that an active device needs to reach this gateway. */
@Injectable()
export class CredentialsService {
  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(DeviceTokens) private readonly tokens: DeviceTokens,
    @Inject(DeviceAnnouncements) private readonly announcements: DeviceAnnouncements,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(TunnelService) private readonly tunnel: TunnelService,
    @Inject(BrokerAccess) private readonly broker: BrokerAccess,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /**
   * @param device as the registry had it a moment ago, active
   * @throws DomainError `device-revoked` when it is not any more, `broker-offline` while the broker cannot let it in
   */
  async of(device: RegisteredDevice): Promise<Credentials> {
    const { vehicleId, vehicle } = device;
    const facts = this.tunnel.facts();
    const { urls, username, password } = await this.broker.grant(activeDeviceOf(device, this.overlay));
    if (this.announcements.isRevoked(device.id)) {
      // Revoked while the broker was letting it in: what came in last goes out last.
      await this.broker.revoke(device.id);
      throw deviceRevoked();
    }
    return {
      kind: 'credentials',
      v: 1,
      deviceId: device.id,
      vehicleId,
      vehicleName: vehicle.name,
      organisation: vehicle.organisation.name,
      issuedAt: new Date(this.clock.nowMs()).toISOString(),
      accessToken: await this.tokens.sign({ deviceId: device.id, vehicleId }, CREDENTIAL_SECONDS),
      expiresInSeconds: CREDENTIAL_SECONDS,
      api: this.#apiUrls(),
      authority: this.keys.authority?.certificatePem ?? null,
      mqtt: { urls, clientId: device.id, username, password },
      tunnel: {
        gatewayPublicKey: facts.publicKey,
        endpoints: [...facts.endpoints],
        addresses: this.overlay.interfaceAddresses(vehicle.overlayHost),
        routes: [...facts.routes],
      },
      uplinks: vehicle.uplinks.map(({ name, monthlyCapBytes }) => ({ name, monthlyCapBytes: Number(monthlyCapBytes) })),
      policyKeys: this.keys.policyKeys(),
    };
  }

  /**
   * Through the tunnel first, where that is possible: the tunnel is up, the listener has the overlay's address, and the
   * certificate is of our own authority, which vouches for that address; a public one does not.
   */
  #apiUrls(): string[] {
    const { listen, tunnel, publicUrl } = this.config;
    const [address] = this.overlay.addresses(GATEWAY_HOST) as [string];
    const reachable = listen !== null && ['0.0.0.0', '::', address].includes(listen.host);
    if (!tunnel || !reachable || this.keys.authority === null) return [publicUrl];
    return [`https://${address}:${listen.port}`, publicUrl];
  }
}
