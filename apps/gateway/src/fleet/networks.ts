import { formatPrefix, hasHostBits, type Prefix, parsePrefix } from '@corridor/tunnel';
import { prefixesOverlap } from '@corridor/tunnel-host';
import { DomainError } from '../kernel/domain-error.js';

/**
 * Networks behind a vehicle in canonical form. Whether another vehicle has one of them already, only the database can say.
 *
 * @throws DomainError `network-invalid` with host bits set, `networks-overlap` where two share addresses, `network-reserved`
 *   inside the overlay
 */
export function readNetworks(texts: readonly string[], overlay: readonly string[]): string[] {
  const networks = texts.map(readNetwork);
  const reserved = overlay.map((text) => parsePrefix(text)!);
  networks.forEach((network, index) => {
    const twin = networks.slice(0, index).find((other) => prefixesOverlap(other, network));
    if (twin !== undefined) {
      refuse('networks-overlap', `The networks ${formatPrefix(twin)} and ${formatPrefix(network)} overlap.`);
    }
    const overlap = reserved.find((other) => prefixesOverlap(other, network));
    if (overlap !== undefined) {
      refuse('network-reserved', `The network ${formatPrefix(network)} overlaps the overlay ${formatPrefix(overlap)}.`);
    }
  });
  return networks.map(formatPrefix);
}

function readNetwork(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    refuse('network-invalid', `"${text}" is no network; expected one such as "192.168.7.0/24".`);
  if (!hasHostBits(prefix)) return prefix;
  refuse(
    'network-invalid',
    `"${text}" is an address inside a network; expected the network, such as "192.168.7.0/24".`,
  );
}

function refuse(code: string, message: string): never {
  throw new DomainError('invalid', code, message);
}
