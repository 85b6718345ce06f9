/**
 * Session epochs: one handshake's keys with the packet number spaces under them, and the table that finds an epoch by
 * the receiver index of a datagram.
 */
import type { Core } from './core.js';
import type { Established } from './handshake/index.js';
import { NumberSpace } from './number-space.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import type { CipherId, RandomBytes } from './primitives.js';

export class Epoch {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly cipher: CipherId;
  /** Handles of the AEAD. */
  readonly sendKey: number;
  readonly receiveKey: number;
  /** The peer's instance, as text: another one means that it starts its flow sequences afresh. */
  readonly peerInstance: string;
  /** False once its keys are gone. */
  alive = true;
  /** The peer has said that it understands bundles. */
  readsBundles = false;
  /** By path id. */
  readonly spaces: (NumberSpace | undefined)[] = [];

  constructor(
    readonly peer: Peer,
    established: Established,
    readonly createdAtUs: number,
    private readonly core: Core,
    /** The static key that the peer showed in this handshake, as text; empty where only one is possible. */
    readonly peerKey = '',
  ) {
    const { aead } = core.primitives;
    this.localIndex = established.localIndex;
    this.remoteIndex = established.remoteIndex;
    this.cipher = established.cipher;
    this.peerInstance = String.fromCharCode(...established.peerInstance);
    this.sendKey = aead.addKey(established.cipher, established.sendKey);
    this.receiveKey = aead.addKey(established.cipher, established.receiveKey);
  }

  /** The packet number space of a path under these keys, made when first asked for. */
  space(path: Path): NumberSpace {
    let space = this.spaces[path.id];
    if (space === undefined) {
      space = new NumberSpace(this, path);
      this.spaces[path.id] = space;
    }
    return space;
  }

  /** What went out under these keys has been sent again under others. */
  closeSending(): void {
    for (const space of this.spaces) space?.closeSending();
  }

  /** Forgets the keys. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const space of this.spaces) space?.writeOff();
    this.core.retireKey(this.sendKey);
    this.core.retireKey(this.receiveKey);
  }
}

/** Receiver indices are a table position in the low bits and a random tag above, so that a lookup is one load. */
const POSITION_BITS = 16;
const POSITIONS = 1 << POSITION_BITS;

export class EpochTable {
  private readonly epochs: (Epoch | undefined)[] = [];
  private readonly freePositions: number[] = [];

  constructor(private readonly random: RandomBytes) {}

  /** Draws an index that nobody uses; it stays taken until it is given back with {@link free}. */
  draw(): number {
    const position = this.freePositions.pop() ?? this.epochs.push(undefined) - 1;
    if (position >= POSITIONS) throw new Error('all receiver indices are in use');
    const tag = this.random(2);
    // Index 0 means "none" on the wire, so the tag is never 0.
    return (((tag[0] | (tag[1] << 8) || 1) << POSITION_BITS) | position) >>> 0;
  }

  put(epoch: Epoch): void {
    this.epochs[epoch.localIndex & (POSITIONS - 1)] = epoch;
  }

  /** Gives an index back, whether an epoch was put there or not. */
  free(index: number): void {
    const position = index & (POSITIONS - 1);
    this.epochs[position] = undefined;
    this.freePositions.push(position);
  }

  /** The epoch that a transport datagram names, if it is one of ours. */
  find(index: number): Epoch | undefined {
    const epoch = this.epochs[index & (POSITIONS - 1)];
    return epoch !== undefined && epoch.localIndex === index >>> 0 ? epoch : undefined;
  }
}
