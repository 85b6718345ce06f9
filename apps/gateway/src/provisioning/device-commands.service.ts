import type { Command } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { OperatorActor } from '../auth/actor.js';
import { Audit } from '../auth/audit.js';
import { MessageBus } from '../bus/message-bus.js';
import { DevicesService } from '../fleet/devices.service.js';
import { DomainError } from '../kernel/domain-error.js';
import { StatusService } from '../telemetry/status.service.js';

/** What operators ask of devices over MQTT. */
@Injectable()
export class DeviceCommandsService {
  constructor(
    @Inject(DevicesService) private readonly devices: DevicesService,
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(MessageBus) private readonly bus: MessageBus,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /**
   * Asks the device to make new keys. It proves them by itself; that it has, its thumbprint and the audit log say.
   *
   * @throws DomainError `device-unknown`, `device-not-active`, `device-offline`, `broker-offline`
   */
  async rotateKeys(actor: OperatorActor, id: string): Promise<void> {
    const { vehicleId, state } = await this.devices.get(id, actor.organisationId);
    if (state !== 'active') {
      throw new DomainError(
        'conflict',
        'device-not-active',
        `The device is ${state}; only an active one has keys to change.`,
      );
    }
    // A command is not kept for later: better to say so now than to let an operator wait for it.
    const { state: control, why } = this.status.statusOf(vehicleId).control;
    if (control === 'offline' || control === 'never') {
      throw new DomainError('conflict', 'device-offline', `The device cannot be told now: ${why}.`);
    }
    const command: Command = { kind: 'command', v: 1, command: 'rotate-keys', reason: `asked by ${actor.username}` };
    await this.bus.publish(id, 'command', JSON.stringify(command), { qos: 1, retain: false });
    await this.audit.record(actor, 'device.rotation-asked', `device:${id}`);
  }
}
