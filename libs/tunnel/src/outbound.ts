/** The way out: inner packets are routed, classified, numbered and sent as the plan of their class says. */
import { flowId } from '@corridor/wire';
import { type PacketBatch, SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import { TOO_BIG_REPLIES_PER_SECOND } from './constants.js';
import type { Core } from './core.js';
import { EngineMisuseError } from './engine.js';
import { flowHash } from './flow-hash.js';
import { tooBigReply } from './icmp.js';
import type { Inbound } from './inbound.js';
import { isIpPacket } from './ip-packet.js';
import { ipv4Length, mayFragment, splitIpv4 } from './ipv4-fragments.js';
import { clampMss } from './mss.js';
import type { Peer } from './peer.js';
import type { EngineRole } from './role.js';
import { TOO_BIG } from './tally.js';

// Places in `replies`.
const TOKENS = 0;
const FILLED_AT = 1;

export class Outbound {
  /** Packets that are no IP packets, or for nobody. */
  readonly unroutable = new Float64Array(1);
  private readonly replies = new Float64Array([TOO_BIG_REPLIES_PER_SECOND, 0]);

  constructor(
    private readonly core: Core,
    private readonly role: EngineRole,
    private readonly inbound: Inbound,
  ) {}

  /** @throws EngineMisuseError when an entry does not lie in a lent slot; the entries before it have been taken */
  send(batch: PacketBatch): void {
    const { role, core } = this;
    const { slots } = core;
    const slab = slots.slab;
    let group = 0;
    let peer: Peer | undefined;
    let classIndex = 0;
    let flow = 0;
    let flags = 0;
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offset[i];
      const length = batch.length[i];
      if (!slots.isLent(offset)) throw new EngineMisuseError('ERR_BAD_BATCH', `entry ${i} does not lie in a lent slot`);
      if (!isIpPacket(slab, offset, length)) {
        this.unroutable[0]++;
        continue;
      }
      // The neighbours of a group differ in position only: what holds for the first holds for all.
      if (batch.group[i] === 0 || batch.group[i] !== group) {
        group = batch.group[i];
        peer = role.routeOf(offset);
        if (peer !== undefined) {
          classIndex = peer.classifier.classify(slab, offset, length);
          flow = flowId(classIndex, flowHash(slab, offset, length));
          flags = peer.scheduler.flagsOf(classIndex, flow);
          clampMss(slab, offset, length, Math.min(core.mtu, peer.scheduler.largestEverywhere));
          role.touch(peer);
          peer.noteTraffic();
        }
      }
      if (peer === undefined) this.unroutable[0]++;
      else if (length > core.mtu) this.refuse(peer, offset, length, core.mtu);
      else {
        const fits = length <= peer.sender.largestPacket(classIndex) || length <= peer.sender.largestAnywhere();
        if (fits) this.take(peer, offset, length, classIndex, flow, flags);
        else this.fitOrRefuse(peer, offset, length, classIndex, flow, flags);
      }
    }
  }

  private take(peer: Peer, offset: number, length: number, classIndex: number, flow: number, flags: number): void {
    const { slots, clock } = this.core;
    const slot = offset >> SLOT_SHIFT;
    slots.hold(slot, peer.number, length, flow, flags, clock);
    peer.dispatcher.send(slot, classIndex, length, flow);
  }

  /** No path carries the packet whole: it goes in pieces where that is allowed, else its sender is told. */
  private fitOrRefuse(
    peer: Peer,
    offset: number,
    length: number,
    classIndex: number,
    flow: number,
    flags: number,
  ): void {
    const { slots } = this.core;
    const { slab } = slots;
    const most = peer.sender.largestAnywhere();
    if (!mayFragment(slab, offset)) {
      this.refuse(peer, offset, length, most);
      return;
    }
    let at = offset;
    let left = length;
    while (left > most) {
      const slot = slots.takeSpare();
      if (slot < 0) break;
      const restAt = (slot << SLOT_SHIFT) + SLOT_HEADROOM;
      const rest = splitIpv4(slab, at, left, most, restAt);
      if (rest === 0) break;
      this.take(peer, at, ipv4Length(slab, at), classIndex, flow, flags);
      at = restAt;
      left = rest;
    }
    // Out of slots: a packet with a piece missing is lost whole.
    if (left > most) peer.tally.add(TOO_BIG);
    else this.take(peer, at, left, classIndex, flow, flags);
  }

  /** Tells the packet's sender, in the tunnel's stead, that it is too big (RFC 1191, RFC 8201), if not too often. */
  private refuse(peer: Peer, offset: number, length: number, mtu: number): void {
    peer.tally.add(TOO_BIG);
    if (!this.mayReply()) return;
    const at = this.inbound.takeSlot();
    if (at < 0) return;
    const bytes = tooBigReply(this.core.slots.slab, offset, length, mtu, this.inbound.slab, at);
    if (bytes > 0) this.inbound.deliver(at, bytes);
  }

  /** RFC 4443 section 2.4 (f): error messages are limited by a token bucket. */
  private mayReply(): boolean {
    const { replies } = this;
    const { nowUs } = this.core.clock;
    const earned = ((nowUs - replies[FILLED_AT]) * TOO_BIG_REPLIES_PER_SECOND) / 1_000_000;
    replies[TOKENS] = Math.min(TOO_BIG_REPLIES_PER_SECOND, replies[TOKENS] + earned);
    replies[FILLED_AT] = nowUs;
    if (replies[TOKENS] < 1) return false;
    replies[TOKENS]--;
    return true;
  }
}
