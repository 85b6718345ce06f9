import { readI32 } from '@corridor/wire';
import { NOT_A_FRAGMENT, PacketFields, readPacket } from './ip-packet.js';

const fields = new PacketFields();

const PROTOCOL_TCP = 6;
/** Set in the hash of a TCP flow, and of no other. */
export const TCP_FLOW = 1;

/**
 * 32 bits of hash over what identifies an inner flow: addresses, protocol and ports. As signed integer, so that it
 * never has to be boxed; mask what you need. 0 for what is no IP packet.
 *
 * Every fragment of a datagram, also the first, hashes addresses, protocol and identification instead: the later ones
 * have no ports, and all must get the same answer, or the receiver would put them in order separately. Of one IPv6
 * datagram all fragments name the same protocol only when nothing but the transport header is behind the fragment
 * header, hence the protocol of IPv6 fragments is left out.
 */
export function flowHash(bytes: Uint8Array, offset: number, length: number): number {
  if (!readPacket(bytes, offset, length, fields)) return 0;
  const whole = fields.fragment === NOT_A_FRAGMENT;
  let hash = whole || fields.family === 4 ? fields.protocol : 0;
  const end = fields.addressesAt + (fields.family === 4 ? 8 : 32);
  for (let at = fields.addressesAt; at < end; at += 4) hash = mix(hash, readI32(bytes, at));
  if (!whole) hash = mix(hash, fields.fragmentId);
  else if (fields.portsAt >= 0) hash = mix(hash, readI32(bytes, fields.portsAt));
  // TCP and the rest never share a flow: what is put back in order must be numbered without gaps.
  return (finish(hash) & ~TCP_FLOW) | (fields.protocol === PROTOCOL_TCP ? TCP_FLOW : 0);
}

/** One step of MurmurHash3 (Appleby, public domain), 32 bits. */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** Its last step: every bit of the hash reaches the low 12 that name a flow. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
