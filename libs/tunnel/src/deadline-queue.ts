/**
 * Peers by the time at which they want to be called: a binary heap whose keys may lag behind. A peer's deadline moves
 * later with almost every batch; the heap is touched only when it moves earlier, or when the old key comes due.
 */
import type { Peer } from './peer.js';

export class DeadlineQueue {
  private readonly peers: Peer[] = [];
  /** Infinity from the last peer's on, so that the first is the answer of an empty queue too. */
  private keys = new Float64Array(16).fill(Number.POSITIVE_INFINITY);

  /** Time at which {@link due} should be asked; Infinity when empty. */
  nextUs(): number {
    return this.keys[0];
  }

  /** Notes that a peer's deadline may have changed. */
  update(peer: Peer): void {
    const place = peer.queuePlace;
    if (place < 0) {
      if (this.peers.length === this.keys.length) this.grow();
      this.keys[this.peers.length] = peer.deadlineUs;
      peer.queuePlace = this.peers.length;
      this.peers.push(peer);
      this.up(peer.queuePlace);
    } else if (peer.deadlineUs < this.keys[place]) {
      this.keys[place] = peer.deadlineUs;
      this.up(place);
    }
  }

  remove(peer: Peer): void {
    const place = peer.queuePlace;
    if (place < 0) return;
    const last = this.peers.length - 1;
    this.swap(place, last);
    this.peers.pop();
    this.keys[last] = Number.POSITIVE_INFINITY;
    peer.queuePlace = -1;
    if (place < last) {
      this.down(place);
      this.up(place);
    }
  }

  clear(): void {
    for (const peer of this.peers) peer.queuePlace = -1;
    this.peers.length = 0;
    this.keys.fill(Number.POSITIVE_INFINITY);
  }

  /** A peer that is due at `nowUs`, or undefined. Its key follows its deadline when it is settled and updated. */
  due(nowUs: number): Peer | undefined {
    while (this.peers.length > 0 && this.keys[0] <= nowUs) {
      const peer = this.peers[0];
      if (peer.deadlineUs <= nowUs) return peer;
      this.keys[0] = peer.deadlineUs;
      this.down(0);
    }
    return undefined;
  }

  /** The peer was served: puts it where its new deadline belongs. */
  served(peer: Peer): void {
    if (peer.queuePlace < 0) return;
    this.keys[peer.queuePlace] = peer.deadlineUs;
    this.down(peer.queuePlace);
    this.up(peer.queuePlace);
  }

  private up(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.keys[parent] <= this.keys[place]) return;
      this.swap(place, parent);
      place = parent;
    }
  }

  private down(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.peers.length) return;
      const right = left + 1;
      const least = right < this.peers.length && this.keys[right] < this.keys[left] ? right : left;
      if (this.keys[place] <= this.keys[least]) return;
      this.swap(place, least);
      place = least;
    }
  }

  private swap(a: number, b: number): void {
    const peer = this.peers[a];
    const key = this.keys[a];
    this.peers[a] = this.peers[b];
    this.keys[a] = this.keys[b];
    this.peers[b] = peer;
    this.keys[b] = key;
    this.peers[a].queuePlace = a;
    this.peers[b].queuePlace = b;
  }

  private grow(): void {
    const keys = new Float64Array(this.keys.length * 2).fill(Number.POSITIVE_INFINITY);
    keys.set(this.keys);
    this.keys = keys;
  }
}
