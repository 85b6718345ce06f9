/**
 * The way in: datagrams are matched with an epoch, opened in batches, checked against replay, and become inner packets
 * to deliver or frames to act on. Whatever is wrong with a datagram is counted; nothing here throws.
 */
import {
  asksForAck,
  BUNDLED_HEADER_BYTES,
  DATAGRAM_TRANSPORT,
  FLAG_ORDERED,
  FLAG_PROTECTED,
  FLAG_READS_BUNDLES,
  FLAG_REPLAY,
  HOLD_MS,
  HOLD_SHIFT,
  INNER_HEADER_BYTES,
  innerFlags,
  innerFlow,
  innerKind,
  innerSequence,
  KIND_BUNDLE,
  KIND_FRAMES,
  KIND_PACKET,
  KIND_REPAIR,
  OVERHEAD_BYTES,
  outerPacketNumber,
  outerPathId,
  outerReceiver,
  readFrames,
  readI32,
} from '@corridor/wire';
import { type DatagramBatch, OpenBatch, PacketBatch, SLOT_BYTES, SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import { isBundle } from './bundle.js';
import { MAX_BATCH } from './constants.js';
import type { Core } from './core.js';
import type { Epoch } from './epochs.js';
import { ipPacketBytes, isIpPacket } from './ip-packet.js';
import { clampMss } from './mss.js';
import type { NumberSpace } from './number-space.js';
import type { Peer } from './peer.js';
import { PeerFrames } from './peer-frames.js';
import { DEFAULT_HOLD_US, REORDER_SLOTS, Reordering, ReorderPool } from './reordering/index.js';
import { type RecoveredSink, RepairDecoder } from './repair/index.js';
import type { EngineRole } from './role.js';
import {
  BYTES_DELIVERED,
  DUPLICATES_DROPPED,
  MALFORMED,
  NOT_AUTHENTIC,
  PACKETS_DELIVERED,
  PACKETS_REPAIRED,
  REPLAYED_DATAGRAMS_DROPPED,
  WRONG_INNER_SOURCE,
} from './tally.js';

/** The packet need not wait for others. */
const NO_HOLD = -1;
/** Datagrams opened in one call of the AEAD. */
const OPEN_BATCH = 512;
/** The send stamp is the last word of the inner header, which lies in front of the payload. */
const STAMP_BEFORE_PAYLOAD = 4;
const LONGEST_DATAGRAM = SLOT_BYTES - SLOT_HEADROOM + OVERHEAD_BYTES;

export class Inbound implements RecoveredSink {
  /** Slots of a batch, and behind them those where packets wait for others of their flow. */
  readonly slab = new Uint8Array((MAX_BATCH + REORDER_SLOTS) * SLOT_BYTES);
  /** Waiting for the next drain; grows when bundles bring more than ever before. */
  delivery = new PacketBatch(MAX_BATCH + REORDER_SLOTS);
  /** Datagrams of no known type, length or receiver. */
  readonly unknown = new Float64Array(1);

  private readonly opening = new OpenBatch(OPEN_BATCH);
  private readonly epochs: (Epoch | undefined)[] = new Array(OPEN_BATCH).fill(undefined);
  /** Where in the host's batch each entry of `opening` is. */
  private readonly origin = new Int32Array(OPEN_BATCH);
  /** Slots of the slab in use. */
  private used = 0;
  private readonly frames: PeerFrames;
  private readonly pool = new ReorderPool(this.slab, MAX_BATCH, REORDER_SLOTS, REORDER_SLOTS >> 1);
  /** Whose packets are being repaired. */
  private repairing: Peer | undefined;

  constructor(
    private readonly core: Core,
    private readonly role: EngineRole,
  ) {
    this.frames = new PeerFrames(role);
  }

  /** Forgets what was delivered. */
  reset(): void {
    this.delivery.count = 0;
    this.used = 0;
    this.pool.reset();
  }

  /** A free position in the slab for a packet that the engine itself makes; hand it over with {@link deliver}. */
  takeSlot(): number {
    return this.used < MAX_BATCH ? (this.used++ << SLOT_SHIFT) + SLOT_HEADROOM : -1;
  }

  deliver(offset: number, length: number): void {
    if (this.delivery.count === this.delivery.capacity) this.growDelivery();
    const { delivery } = this;
    const at = delivery.count++;
    delivery.offset[at] = offset;
    delivery.length[at] = length;
    delivery.group[at] = 0;
  }

  /** Bundles bring more packets than there were datagrams. */
  private growDelivery(): void {
    const { offset, length, group, capacity } = this.delivery;
    this.delivery = new PacketBatch(capacity * 2);
    this.delivery.count = capacity;
    this.delivery.offset.set(offset);
    this.delivery.length.set(length);
    this.delivery.group.set(group);
  }

  receive(batch: DatagramBatch): void {
    const { opening, core } = this;
    const { bytes } = batch;
    opening.count = 0;
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const length = batch.length[i];
      if (bytes[at] !== DATAGRAM_TRANSPORT) {
        this.role.receiveHandshake(batch, i);
        continue;
      }
      const epoch =
        length < OVERHEAD_BYTES || length > LONGEST_DATAGRAM ? undefined : core.epochs.find(outerReceiver(bytes, at));
      if (epoch === undefined) {
        this.unknown[0]++;
        continue;
      }
      const space = epoch.spaces[outerPathId(bytes, at)];
      if (space !== undefined && !space.replay.isFresh(outerPacketNumber(bytes, at))) {
        epoch.peer.tally.add(REPLAYED_DATAGRAMS_DROPPED);
        continue;
      }
      this.queue(epoch, at, length, i);
      if (opening.count === OPEN_BATCH) this.openAll(batch);
    }
    if (opening.count > 0) this.openAll(batch);
  }

  private queue(epoch: Epoch, at: number, length: number, index: number): void {
    const { opening } = this;
    const entry = opening.count++;
    opening.key[entry] = epoch.receiveKey;
    opening.source[entry] = at;
    opening.sourceLength[entry] = length;
    opening.target[entry] = (this.used++ << SLOT_SHIFT) + SLOT_HEADROOM;
    this.epochs[entry] = epoch;
    this.origin[entry] = index;
  }

  private openAll(batch: DatagramBatch): void {
    const { opening } = this;
    this.core.primitives.aead.open(opening, batch.bytes, this.slab);
    for (let entry = 0; entry < opening.count; entry++) {
      const epoch = this.epochs[entry] as Epoch;
      if (opening.result[entry] < 0) epoch.peer.tally.add(NOT_AUTHENTIC);
      else if (epoch.alive) this.accept(epoch, batch, entry);
    }
    opening.count = 0;
  }

  /** An authentic datagram. */
  private accept(epoch: Epoch, batch: DatagramBatch, entry: number): void {
    const { role, opening } = this;
    const { peer } = epoch;
    const { bytes } = batch;
    const index = this.origin[entry];
    const at = batch.offset[index];
    if (epoch !== peer.sessions.current && peer.sessions.isUnconfirmed(epoch)) role.confirm(peer, epoch);
    role.touch(peer);
    const path = role.pathOf(peer, outerPathId(bytes, at));
    if (path === undefined || path.blocked) return;
    const space = epoch.space(path);
    const packetNumber = outerPacketNumber(bytes, at);
    const ahead = packetNumber - space.replay.largest;
    if (!space.replay.mark(packetNumber)) {
      peer.tally.add(REPLAYED_DATAGRAMS_DROPPED);
      return;
    }
    const payload = opening.target[entry];
    const { clock } = this.core;
    clock.arrive(batch.receivedAtUs, index);
    peer.noteHeard();
    path.noteArrival(clock);
    // The numbers jumped over count as lost until they arrive after all.
    path.receive.count(1, batch.length[index], ahead > 0 ? ahead - 1 : -1, clock);
    path.receive.transit(readI32(this.slab, payload - STAMP_BEFORE_PAYLOAD), clock.arrivedUs | 0, clock);
    space.received.add(packetNumber, batch.length[index], clock);
    if (ahead > 0) role.noteSource(peer, path, batch, index);
    const kind = innerKind(this.slab, payload - INNER_HEADER_BYTES);
    const length = opening.result[entry];
    if (kind === KIND_PACKET) this.acceptSingle(peer, space, payload, length);
    else if (kind === KIND_BUNDLE) this.acceptBundle(peer, space, payload, length);
    else if (kind === KIND_REPAIR) this.acceptRepair(peer, space, payload, length);
    else if (kind === KIND_FRAMES) this.acceptFrames(space, payload, length);
    else peer.tally.add(MALFORMED);
  }

  private acceptSingle(peer: Peer, space: NumberSpace, payload: number, length: number): void {
    peer.feedback.noteAsking(space, true);
    if (isIpPacket(this.slab, payload, length)) this.acceptPacket(peer, payload - INNER_HEADER_BYTES, payload, length);
    else peer.tally.add(MALFORMED);
  }

  /** Several packets in one datagram: all of them, or none when it is not sound from end to end. */
  private acceptBundle(peer: Peer, space: NumberSpace, payload: number, length: number): void {
    const { slab } = this;
    peer.feedback.noteAsking(space, true);
    if (!isBundle(slab, payload, length)) {
      peer.tally.add(MALFORMED);
      return;
    }
    const end = payload + length;
    let header = payload - INNER_HEADER_BYTES;
    let at = payload;
    for (;;) {
      const bytes = ipPacketBytes(slab, at, end - at);
      this.acceptPacket(peer, header, at, bytes);
      header = at + bytes;
      if (header === end) return;
      at = header + BUNDLED_HEADER_BYTES;
    }
  }

  /** @param header its kind, flags, flow and sequence */
  private acceptPacket(peer: Peer, header: number, payload: number, length: number): void {
    const { slab } = this;
    const { tally } = peer;
    const flags = innerFlags(slab, header);
    if ((flags & FLAG_REPLAY) !== 0) peer.feedback.noteReplay();
    if (!this.role.acceptsSource(peer, payload)) {
      tally.add(WRONG_INNER_SOURCE);
      return;
    }
    const { clock } = this.core;
    const flow = innerFlow(slab, header);
    const sequence = innerSequence(slab, header);
    if (!peer.duplicates.accept(flow, sequence, clock)) {
      tally.add(DUPLICATES_DROPPED);
      return;
    }
    const hold = HOLD_MS[flags >>> HOLD_SHIFT];
    const holdUs = (flags & FLAG_ORDERED) === 0 ? NO_HOLD : hold === 0 ? DEFAULT_HOLD_US : hold * 1_000;
    if ((flags & FLAG_PROTECTED) !== 0) {
      // Kept as it was sent: repairs are made of that.
      this.repairing = peer;
      this.decoderOf(peer).keep(flow, sequence, slab, payload, length, clock);
    }
    this.deliverInTurn(peer, flow, sequence, payload, length, holdUs);
  }

  /** Hands a new packet on, at once or behind those of its flow that it has overtaken. */
  private deliverInTurn(
    peer: Peer,
    flow: number,
    sequence: number,
    offset: number,
    length: number,
    holdUs: number,
  ): void {
    peer.tally.add(PACKETS_DELIVERED);
    peer.tally.add(BYTES_DELIVERED, length);
    peer.noteTraffic();
    // What its receiver may send is what this end can carry.
    clampMss(this.slab, offset, length, Math.min(this.core.mtu, peer.scheduler.largestEverywhere));
    if (holdUs === NO_HOLD) this.deliver(offset, length);
    else {
      if (peer.reordering === undefined) peer.reordering = new Reordering(this.pool, this);
      peer.reordering.accept(flow, sequence, offset, length, holdUs, this.core.clock);
    }
  }

  private acceptRepair(peer: Peer, space: NumberSpace, payload: number, length: number): void {
    const { slab } = this;
    const header = payload - INNER_HEADER_BYTES;
    peer.feedback.noteAsking(space, true);
    this.repairing = peer;
    const first = innerSequence(slab, header);
    this.decoderOf(peer).repair(innerFlow(slab, header), first, slab, payload, length, this.core.clock);
  }

  private decoderOf(peer: Peer): RepairDecoder {
    if (peer.decoder === undefined) peer.decoder = new RepairDecoder(this.core.gf256, this.core.repairMemory, this);
    return peer.decoder;
  }

  recovered(flow: number, sequence: number, bytes: Uint8Array, offset: number, length: number): void {
    const peer = this.repairing as Peer;
    const at = length > SLOT_BYTES - SLOT_HEADROOM ? -1 : this.takeSlot();
    if (at < 0) return;
    this.core.gf256.mul(this.slab, at, bytes, offset, length, 1);
    if (!isIpPacket(this.slab, at, length)) peer.tally.add(MALFORMED);
    else if (!this.role.acceptsSource(peer, at)) peer.tally.add(WRONG_INNER_SOURCE);
    else if (peer.duplicates.accept(flow, sequence >>> 0, this.core.clock)) {
      peer.tally.add(PACKETS_REPAIRED);
      this.deliverInTurn(peer, flow, sequence, at, length, peer.reordering?.holdUsOf(flow) ?? NO_HOLD);
    }
  }

  private acceptFrames(space: NumberSpace, payload: number, length: number): void {
    const { slab } = this;
    const { epoch } = space;
    const { peer } = epoch;
    if ((innerFlags(slab, payload - INNER_HEADER_BYTES) & FLAG_READS_BUNDLES) !== 0) epoch.readsBundles = true;
    if (asksForAck(slab, payload, length)) peer.feedback.noteAsking(space, false);
    if (!readFrames(slab, payload, length, this.frames.begin(space))) peer.tally.add(MALFORMED);
  }
}
