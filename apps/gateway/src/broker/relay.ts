import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { connect as connectTls } from 'node:tls';

const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

/**
 * Joins a connection of a device with one to the external broker: vehicles reach the gateway through their tunnel, and
 * need no way to the broker itself. What passes is the broker's business.
 *
 * @param url of the broker, "mqtt:" or "mqtts:"; user and password in it are the gateway's and are not used here
 */
export function relay(device: Socket, url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || DEFAULT_PORTS[url.protocol]!;
  const broker = url.protocol === 'mqtts:' ? connectTls({ host, port, servername: host }) : connect({ host, port });
  broker.setNoDelay(true);
  broker.setTimeout(CONNECT_TIMEOUT_MS, () => broker.destroy());
  broker.once(url.protocol === 'mqtts:' ? 'secureConnect' : 'connect', () => broker.setTimeout(0));
  // Either end going takes the other along; why does not matter to the device, which tries again.
  pipeline(device, broker, () => undefined);
  pipeline(broker, device, () => undefined);
}
