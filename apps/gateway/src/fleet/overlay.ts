import { formatPrefix, type Prefix, parsePrefix } from '@corridor/tunnel';

/** The gateway's own host number in the overlay; vehicles have the numbers behind it. */
export const GATEWAY_HOST = 1;
export const FIRST_VEHICLE_HOST = 2;

/** Where every end of every tunnel has its inner address: one prefix of IPv4 and, when configured, one of IPv6. */
export class Overlay {
  readonly #prefixes: readonly Prefix[];
  /** The highest host number that both prefixes hold; of IPv4 the last address is left out: it is the broadcast. */
  readonly lastHost: number;

  /** @throws RangeError for what is no prefix, or too small for one vehicle */
  constructor(overlay: string, overlay6: string | null) {
    this.#prefixes = [overlay, ...(overlay6 === null ? [] : [overlay6])].map(readPrefix);
    this.lastHost = Math.min(...this.#prefixes.map(lastHostOf));
    if (this.lastHost < FIRST_VEHICLE_HOST) throw new RangeError('the overlay has no room for a vehicle');
  }

  /** The prefixes of the overlay itself, such as "10.77.0.0/16". */
  get prefixes(): readonly string[] {
    return this.#prefixes.map(formatPrefix);
  }

  /** Addresses of a host, such as "10.77.0.2". */
  addresses(host: number): string[] {
    return this.#prefixes.map((prefix) => hostAddress(prefix, host, undefined));
  }

  /** The same as prefixes of one address: "10.77.0.2/32". */
  hostPrefixes(host: number): string[] {
    return this.#prefixes.map((prefix) => hostAddress(prefix, host, prefix.address.length * 8));
  }

  /** The same with the length of the overlay, as an interface is configured: "10.77.0.2/16". */
  interfaceAddresses(host: number): string[] {
    return this.#prefixes.map((prefix) => hostAddress(prefix, host, prefix.length));
  }
}

function readPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`"${text}" is no prefix; expected one such as "10.77.0.0/16"`);
  return { ...prefix, address: withHost(prefix, 0) };
}

/** Host numbers are 32-bit integers in the database: enough, and exact. */
function lastHostOf(prefix: Prefix): number {
  const hostBits = Math.min(prefix.address.length * 8 - prefix.length, 31);
  return 2 ** hostBits - (prefix.family === 4 ? 2 : 1);
}

function hostAddress(prefix: Prefix, host: number, length: number | undefined): string {
  const text = formatPrefix({ ...prefix, address: withHost(prefix, host), length: length ?? 0 });
  return length === undefined ? text.slice(0, text.lastIndexOf('/')) : text;
}

/** The bits of the network as they are, the bits behind them as `host` says. */
function withHost(prefix: Prefix, host: number): Uint8Array {
  const address = Uint8Array.from(prefix.address);
  const bits = address.length * 8;
  for (let bit = prefix.length; bit < bits; bit++) {
    const fromEnd = bits - 1 - bit;
    const set = fromEnd < 31 && (host >> fromEnd) % 2 === 1;
    const mask = 0x80 >> (bit & 7);
    address[bit >> 3] = set ? address[bit >> 3] | mask : address[bit >> 3] & ~mask;
  }
  return address;
}
