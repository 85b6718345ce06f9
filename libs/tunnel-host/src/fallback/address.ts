/**
 * The address record of a stream (WebSocket over TLS). To the engine it is an address like any other: the remote end of
 * the TCP connection, with 1 in the byte that is 0 for UDP. Every stream has a socket number of its own, so socket and
 * address together name one connection, and a vehicle that connects anew is seen to have moved.
 */
import { type AddressRecord, addressRecord, parseIp, TRANSPORT_AT, TRANSPORT_TLS } from '@corridor/tunnel/config';

const MAPPED = '::ffff:';

/** @param ip as Node tells it, also "::ffff:192.0.2.1"; unknown (a proxy on a unix socket): 0.0.0.0 */
export function streamAddress(ip: string | undefined, port: number | undefined): AddressRecord {
  const text = ip?.startsWith(MAPPED) && ip.includes('.') ? ip.slice(MAPPED.length) : (ip ?? '').replace(/%.*$/, '');
  const record = addressRecord(parseIp(text) ?? new Uint8Array(4), port ?? 0);
  record[TRANSPORT_AT] = TRANSPORT_TLS;
  return record;
}
