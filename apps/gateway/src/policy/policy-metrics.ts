import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { BrokerAccess } from '../broker/broker-access.js';
import { MessageBus } from '../bus/message-bus.js';
import { Metrics } from '../http/metrics.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

/** Figures of broker, bus and policies, read when Prometheus asks. */
@Injectable()
export class PolicyMetrics {
  constructor(
    @Inject(Metrics) { registry }: Metrics,
    @Inject(BrokerAccess) broker: BrokerAccess,
    @Inject(MessageBus) bus: MessageBus,
    @Inject(PolicyOutbox) outbox: PolicyOutbox,
    @Inject(PolicyStates) states: PolicyStates,
  ) {
    const registers = [registry];
    const byKind = (name: string, help: string, counts: () => ReadonlyMap<string, number>) =>
      new Counter({
        name,
        help,
        labelNames: ['kind'],
        registers,
        collect() {
          this.reset();
          for (const [kind, count] of counts()) this.inc({ kind }, count);
        },
      });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    byKind('corridor_mqtt_refusals_total', 'What devices did at the broker and must not', () => broker.refusals);
    byKind(
      'corridor_mqtt_documents_refused_total',
      'MQTT messages of devices that were no valid document',
      () => bus.violations.counts,
    );
    gauge('corridor_mqtt_bus_connected', "1 while the gateway's own MQTT connection stands", () =>
      Number(bus.connected),
    );
    gauge('corridor_policy_waiting', 'Policies that wait to be sent to the broker', () => outbox.waiting);
    new Gauge({
      name: 'corridor_policy_vehicles',
      help: 'Vehicles by the state of the newest version of their policy',
      labelNames: ['state'],
      registers,
      collect() {
        this.reset();
        for (const { state } of states.targets()) this.inc({ state });
      },
    });
  }
}
