/** The way out: inner packets are routed, classified, numbered and sent as the plan of their class says. */
import { flowId } from '@corridor/wire';
import { type PacketBatch, SLOT_SHIFT } from './batch.js';
import type { Core } from './core.js';
import { EngineMisuseError } from './engine.js';
import { flowHash } from './flow-hash.js';
import { tooBigReply } from './icmp.js';
import type { Inbound } from './inbound.js';
import { isIpPacket } from './ip-packet.js';
import type { Peer } from './peer.js';
import type { EngineRole } from './role.js';
import { TOO_BIG } from './tally.js';

export class Outbound {
  /** Packets that are no IP packets, or for nobody. */
  readonly unroutable = new Float64Array(1);

  constructor(
    private readonly core: Core,
    private readonly role: EngineRole,
    private readonly inbound: Inbound,
  ) {}

  /** @throws EngineMisuseError when an entry does not lie in a lent slot; the entries before it have been taken */
  send(batch: PacketBatch): void {
    const { role, core } = this;
    const { slots, clock } = core;
    const slab = slots.slab;
    let group = 0;
    let peer: Peer | undefined;
    let classIndex = 0;
    let flow = 0;
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
          role.touch(peer);
          peer.noteTraffic();
        }
      }
      if (peer === undefined) this.unroutable[0]++;
      else if (length > core.mtu) this.refuse(peer, offset, length, core.mtu);
      else {
        if (length > peer.sender.largestPacket(classIndex))
          this.refuse(peer, offset, length, peer.sender.largestPacket(classIndex));
        const slot = offset >> SLOT_SHIFT;
        slots.hold(slot, peer.number, length, flow, peer.sequences.take(flow), clock.nowUs);
        peer.sender.sendPacket(slot, classIndex, length);
      }
    }
  }

  /** Tells the packet's sender, in the tunnel's stead, that it is too big (RFC 1191, RFC 8201). */
  private refuse(peer: Peer, offset: number, length: number, mtu: number): void {
    peer.tally.add(TOO_BIG);
    const at = this.inbound.takeSlot();
    if (at < 0) return;
    const bytes = tooBigReply(this.core.slots.slab, offset, length, mtu, this.inbound.slab, at);
    if (bytes > 0) this.inbound.deliver(at, bytes);
  }
}
