import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DomainEvents } from '../kernel/domain-events.js';
import { BrokerAccess } from './broker-access.js';

/** Opens the broker with the gateway and closes it last; a revoked device is cut by the event, whoever revoked it. */
@Injectable()
export class BrokerLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(BrokerAccess) private readonly broker: BrokerAccess,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    events.on('device-revoked', ({ deviceId }) => void broker.revoke(deviceId));
  }

  onApplicationBootstrap(): Promise<void> {
    return this.broker.open();
  }

  onApplicationShutdown(): Promise<void> {
    return this.broker.close();
  }
}
