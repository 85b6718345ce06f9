import { firstHost, type GatewayConfig } from '../config/gateway-config.js';
import { DomainError } from '../kernel/domain-error.js';

export type ListenConfig = Pick<GatewayConfig, 'mqttListen' | 'overlay' | 'publicUrl' | 'tunnel'>;

/**
 * Where devices reach MQTT: the address on which the gateway listens or, where that is every address, one that they
 * certainly reach.
 *
 * @param port that it got, undefined while it does not listen yet
 * @throws DomainError `broker-offline` when the port is not known yet
 */
export function deviceUrl(config: ListenConfig, port = config.mqttListen.port): string {
  if (port === 0) throw new DomainError('unavailable', 'broker-offline', 'The MQTT listener is not up yet.');
  return `mqtt://${reachable(config)}:${port}`;
}

function reachable({ mqttListen: { host }, tunnel, overlay, publicUrl }: ListenConfig): string {
  if (host === '0.0.0.0' || host === '::') return tunnel ? firstHost(overlay) : new URL(publicUrl).hostname;
  return host.includes(':') ? `[${host}]` : host;
}
