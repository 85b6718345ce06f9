import type { DatagramBatch } from './batch.js';
import type { Epoch } from './epochs.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';

/** Where vehicle and gateway differ, as the parts that both share see it. */
export interface EngineRole {
  /** Whether the peer may name its paths and set the policy: vehicles may, the gateway may not. */
  readonly followsAnnouncements: boolean;
  /** Peers by the number that held packets carry. */
  peerByNumber(number: number): Peer | undefined;
  /** The peer is to be settled before this mutation ends. */
  touch(peer: Peer): void;
  /** To whom the inner packet at `offset` of the send slab goes. */
  routeOf(offset: number): Peer | undefined;
  /** Whether the peer may send packets with the source address of the one at `offset` of the receive slab. */
  acceptsSource(peer: Peer, offset: number): boolean;
  receiveHandshake(batch: DatagramBatch, index: number): void;
  /** The path of an authentic datagram, made now if the role learns paths that way. */
  pathOf(peer: Peer, pathId: number): Path | undefined;
  /** The newest datagram of a path arrived: where it came from tells where the peer is now. */
  noteSource(peer: Peer, path: Path, batch: DatagramBatch, index: number): void;
  /** An authentic datagram came under keys that were not confirmed yet. */
  confirm(peer: Peer, epoch: Epoch): void;
  /** The peer ended the session. */
  closedByPeer(peer: Peer, reason: string): void;
}
