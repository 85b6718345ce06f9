/** Counters of one peer. A typed array, so that counting never allocates. */
import type { PeerCounters } from './status.js';

export const PACKETS_SENT = 0;
export const PACKETS_DELIVERED = 1;
export const BYTES_SENT = 2;
export const BYTES_DELIVERED = 3;
export const COPIES_SENT = 4;
export const REPLAYS_SENT = 5;
export const DUPLICATES_DROPPED = 6;
export const REPLAYED_DATAGRAMS_DROPPED = 7;
export const NOT_AUTHENTIC = 8;
export const WRONG_INNER_SOURCE = 9;
export const TOO_BIG = 10;
export const NO_PATH = 11;
export const HELD_GIVEN_UP = 12;
export const REKEYS = 13;
export const HANDSHAKES = 14;
export const MALFORMED = 15;
/** Dropped in the queue to keep it short, as too old, as too many. */
export const QUEUE_DROPS = 16;
export const QUEUE_EXPIRED = 17;
export const QUEUE_OVERFLOWS = 18;
export const RETRANSMISSIONS = 19;
/** Taken for lost by the network. */
export const LOSSES = 20;
/** Repair packets sent, and packets restored by those that came. */
export const REPAIRS_SENT = 21;
export const PACKETS_REPAIRED = 22;
/** Packets that shared a datagram, and datagrams that this has saved. */
export const PACKETS_BUNDLED = 23;
export const DATAGRAMS_SAVED = 24;
const COUNTERS = 25;

export class Tally {
  readonly counts = new Float64Array(COUNTERS);

  add(counter: number, amount = 1): void {
    this.counts[counter] += amount;
  }

  status(): PeerCounters {
    const { counts } = this;
    return {
      packetsSent: counts[PACKETS_SENT],
      packetsDelivered: counts[PACKETS_DELIVERED],
      bytesSent: counts[BYTES_SENT],
      bytesDelivered: counts[BYTES_DELIVERED],
      copiesSent: counts[COPIES_SENT],
      replaysSent: counts[REPLAYS_SENT],
      duplicatesDropped: counts[DUPLICATES_DROPPED],
      replayedDatagramsDropped: counts[REPLAYED_DATAGRAMS_DROPPED],
      notAuthentic: counts[NOT_AUTHENTIC],
      wrongInnerSource: counts[WRONG_INNER_SOURCE],
      tooBig: counts[TOO_BIG],
      noPath: counts[NO_PATH],
      heldGivenUp: counts[HELD_GIVEN_UP],
      rekeys: counts[REKEYS],
      handshakes: counts[HANDSHAKES],
      malformed: counts[MALFORMED],
      queueDrops: counts[QUEUE_DROPS],
      queueExpired: counts[QUEUE_EXPIRED],
      queueOverflows: counts[QUEUE_OVERFLOWS],
      retransmissions: counts[RETRANSMISSIONS],
      losses: counts[LOSSES],
      repairsSent: counts[REPAIRS_SENT],
      packetsRepaired: counts[PACKETS_REPAIRED],
      packetsBundled: counts[PACKETS_BUNDLED],
      datagramsSaved: counts[DATAGRAMS_SAVED],
    };
  }
}
