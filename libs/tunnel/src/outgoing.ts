/**
 * Datagrams on their way out: headers and positions are collected in chunks while a mutation runs, sealed and handed
 * to the sink in one go when the host drains.
 *
 * Inner packets are sealed out of the send slab; frames out of small slabs that belong to their chunks. Chunks are
 * made as needed and used again for ever, so nothing is allocated once the busiest mutation has been seen.
 */
import {
  BUNDLED_HEADER_BYTES,
  FLAG_READS_BUNDLES,
  FrameWriter,
  KIND_BUNDLE,
  KIND_FRAMES,
  KIND_PACKET,
  KIND_REPAIR,
  OVERHEAD_BYTES,
  writeBundledHeader,
  writeInnerHeader,
  writeOuterHeader,
} from '@corridor/wire';
import { DatagramOutbox, SealBatch, SLOT_BYTES, SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import type { Clock } from './clock.js';
import { CONTROL_PAYLOAD_BYTES } from './constants.js';
import type { Sink } from './engine.js';
import type { AeadBatch } from './primitives.js';
import type { RepairEncoder } from './repair/index.js';

const PACKET_CHUNK_SHIFT = 8;
const PACKET_CHUNK = 1 << PACKET_CHUNK_SHIFT;
const CONTROL_CHUNK = 32;
const OUTBOX = 512;
const HEADER_WORDS = 6;
/** Word of an entry's headers that begins with the kind. */
const KIND_WORD = 3;
/** Drains are counted modulo this, so that the count stays a small integer. */
const DRAINS = 1 << 30;

class Chunk {
  readonly seal: SealBatch;
  readonly route: Int32Array;
  constructor(
    capacity: number,
    readonly slab: Uint8Array,
  ) {
    this.seal = new SealBatch(capacity);
    this.route = new Int32Array(capacity);
  }
}

/** Chunks of one kind, filled one after another. */
class ChunkQueue {
  readonly chunks: Chunk[] = [];
  /** Chunks in use; the last of them is being filled. */
  used = 0;

  constructor(private readonly make: () => Chunk) {}

  /** The chunk that takes the next entry. */
  current(): Chunk {
    if (this.used > 0) {
      const chunk = this.chunks[this.used - 1];
      if (chunk.seal.count < chunk.seal.capacity) return chunk;
    }
    if (this.used === this.chunks.length) this.chunks.push(this.make());
    const chunk = this.chunks[this.used++];
    chunk.seal.count = 0;
    return chunk;
  }
}

interface RawDatagram {
  readonly bytes: Uint8Array;
  readonly route: number;
}

export class Outgoing {
  private readonly packets: ChunkQueue;
  private readonly control = new ChunkQueue(() => new Chunk(CONTROL_CHUNK, new Uint8Array(CONTROL_CHUNK * SLOT_BYTES)));
  /** Behind the packets that they were made after: a repair that overtakes them is for nothing. */
  private readonly repairs = new ChunkQueue(() => new Chunk(CONTROL_CHUNK, new Uint8Array(CONTROL_CHUNK * SLOT_BYTES)));
  private readonly outbox = new DatagramOutbox(OUTBOX);
  private readonly writer = new FrameWriter();
  private raw: RawDatagram[] = [];
  /** How often everything was sealed: what waits now will be sealed by the next. */
  drains = 1;
  /** The drain before which something was last written behind the packet of a slot. */
  private readonly extendedIn: Int32Array;

  constructor(
    private readonly aead: AeadBatch,
    private readonly packetSlab: Uint8Array,
  ) {
    this.extendedIn = new Int32Array(packetSlab.length >> SLOT_SHIFT);
    this.packets = new ChunkQueue(() => new Chunk(PACKET_CHUNK, packetSlab));
    for (let i = 0; i < OUTBOX; i++) this.outbox.offset[i] = i << SLOT_SHIFT;
  }

  get isEmpty(): boolean {
    const { packets, control, repairs } = this;
    return packets.used === 0 && control.used === 0 && repairs.used === 0 && this.raw.length === 0;
  }

  /** A datagram that is not sealed with a transport key: the handshake's. */
  addRaw(bytes: Uint8Array, route: number): void {
    this.raw.push({ bytes, route });
  }

  /** An inner packet out of the send slab. Arguments are those of the two headers. */
  addPacket(
    key: number,
    route: number,
    pathId: number,
    packetNumber: number,
    receiver: number,
    kindAndFlags: number,
    flow: number,
    sequence: number,
    clock: Clock,
    source: number,
    length: number,
  ): void {
    const chunk = this.packets.current();
    const { seal } = chunk;
    const at = seal.count++;
    writeOuterHeader(seal.headerWords, at * HEADER_WORDS, pathId, packetNumber, receiver);
    writeInnerHeader(
      seal.headerWords,
      at * HEADER_WORDS + 3,
      kindAndFlags & 0xff,
      kindAndFlags >>> 8,
      flow,
      sequence,
      clock.nowUs,
    );
    seal.key[at] = key;
    seal.source[at] = source;
    seal.sourceLength[at] = length;
    chunk.route[at] = route;
  }

  /** The entry of the packet that is added next, for {@link mayExtend}: good while {@link drains} stays the same. */
  get nextPacket(): number {
    const { chunks, used } = this.packets;
    const filled = used === 0 ? PACKET_CHUNK : chunks[used - 1].seal.count;
    return filled === PACKET_CHUNK ? used << PACKET_CHUNK_SHIFT : ((used - 1) << PACKET_CHUNK_SHIFT) + filled;
  }

  /**
   * Whether `bytes` can be put behind the packets of an entry so that the datagram is no longer than `most`. They are put
   * together in the slot of the first packet, so a slot can be first in one bundle of a drain only.
   */
  mayExtend(entry: number, bytes: number, most: number): boolean {
    const { seal } = this.packets.chunks[entry >> PACKET_CHUNK_SHIFT];
    const at = entry & (PACKET_CHUNK - 1);
    if (seal.sourceLength[at] + bytes + OVERHEAD_BYTES > most) return false;
    return this.isBundle(entry) || this.extendedIn[seal.source[at] >> SLOT_SHIFT] !== this.drains;
  }

  /** Whether an entry was extended already. */
  isBundle(entry: number): boolean {
    const { seal } = this.packets.chunks[entry >> PACKET_CHUNK_SHIFT];
    return (seal.headerWords[(entry & (PACKET_CHUNK - 1)) * HEADER_WORDS + KIND_WORD] & 0xff) === KIND_BUNDLE;
  }

  /** Puts an inner packet behind those of an entry that may be extended. */
  extend(entry: number, flags: number, flow: number, sequence: number, source: number, length: number): void {
    const { seal } = this.packets.chunks[entry >> PACKET_CHUNK_SHIFT];
    const { packetSlab } = this;
    const at = entry & (PACKET_CHUNK - 1);
    const word = at * HEADER_WORDS + KIND_WORD;
    const to = seal.source[at] + seal.sourceLength[at];
    this.extendedIn[to >> SLOT_SHIFT] = this.drains;
    seal.headerWords[word] = (seal.headerWords[word] & ~0xff) | KIND_BUNDLE;
    writeBundledHeader(packetSlab, to, KIND_PACKET, flags, flow, sequence);
    packetSlab.copyWithin(to + BUNDLED_HEADER_BYTES, source, source + length);
    seal.sourceLength[at] += BUNDLED_HEADER_BYTES + length;
  }

  /**
   * Starts a datagram of frames: write them with the answered writer, then call {@link commitFrames}, or nothing to
   * let it be.
   * @param room bytes of payload at most
   */
  beginFrames(room = CONTROL_PAYLOAD_BYTES): FrameWriter {
    const chunk = this.control.current();
    this.writer.begin(chunk.slab, (chunk.seal.count << SLOT_SHIFT) + SLOT_HEADROOM, room);
    return this.writer;
  }

  /** Ends the datagram begun last. Answers the bytes of the datagram. */
  commitFrames(
    key: number,
    route: number,
    pathId: number,
    packetNumber: number,
    receiver: number,
    clock: Clock,
  ): number {
    const chunk = this.control.current();
    const { seal } = chunk;
    const at = seal.count++;
    writeOuterHeader(seal.headerWords, at * HEADER_WORDS, pathId, packetNumber, receiver);
    writeInnerHeader(seal.headerWords, at * HEADER_WORDS + 3, KIND_FRAMES, FLAG_READS_BUNDLES, 0, 0, clock.nowUs);
    seal.key[at] = key;
    seal.source[at] = (at << SLOT_SHIFT) + SLOT_HEADROOM;
    seal.sourceLength[at] = this.writer.length;
    chunk.route[at] = route;
    return this.writer.length + OVERHEAD_BYTES;
  }

  /** The oldest repair that waits in `encoder`. Arguments are those of the outer header. Answers the bytes of the datagram. */
  addRepair(
    encoder: RepairEncoder,
    key: number,
    route: number,
    pathId: number,
    packetNumber: number,
    receiver: number,
    clock: Clock,
  ): number {
    const chunk = this.repairs.current();
    const { seal } = chunk;
    const at = seal.count++;
    const flow = encoder.nextFlow;
    const first = encoder.nextFirst;
    const source = (at << SLOT_SHIFT) + SLOT_HEADROOM;
    const length = encoder.take(chunk.slab, source);
    writeOuterHeader(seal.headerWords, at * HEADER_WORDS, pathId, packetNumber, receiver);
    writeInnerHeader(seal.headerWords, at * HEADER_WORDS + 3, KIND_REPAIR, 0, flow, first, clock.nowUs);
    seal.key[at] = key;
    seal.source[at] = source;
    seal.sourceLength[at] = length;
    chunk.route[at] = route;
    return length + OVERHEAD_BYTES;
  }

  /** Seals everything and hands it out, frames first: acknowledgements are the more urgent ones. */
  drain(sink: Sink): void {
    this.outbox.count = 0;
    for (const datagram of this.raw) this.drainRaw(datagram, sink);
    if (this.raw.length > 0) this.raw = [];
    this.drainQueue(this.control, sink);
    this.drainQueue(this.packets, sink);
    this.drainQueue(this.repairs, sink);
    this.flush(sink);
    this.drains = (this.drains + 1) % DRAINS;
  }

  private drainRaw(datagram: RawDatagram, sink: Sink): void {
    const { outbox } = this;
    if (outbox.count === outbox.capacity) this.flush(sink);
    const at = outbox.count++;
    outbox.bytes.set(datagram.bytes, at << SLOT_SHIFT);
    outbox.length[at] = datagram.bytes.length;
    outbox.route[at] = datagram.route;
  }

  private drainQueue(queue: ChunkQueue, sink: Sink): void {
    const { outbox } = this;
    for (let c = 0; c < queue.used; c++) {
      const chunk = queue.chunks[c];
      const { seal } = chunk;
      if (outbox.count + seal.count > outbox.capacity) this.flush(sink);
      for (let i = 0; i < seal.count; i++) {
        const at = outbox.count++;
        seal.target[i] = at << SLOT_SHIFT;
        outbox.length[at] = seal.sourceLength[i] + OVERHEAD_BYTES;
        outbox.route[at] = chunk.route[i];
      }
      if (seal.count > 0) this.aead.seal(seal, chunk.slab, outbox.bytes);
      seal.count = 0;
    }
    queue.used = 0;
  }

  private flush(sink: Sink): void {
    if (this.outbox.count > 0) sink.datagrams(this.outbox);
    this.outbox.count = 0;
  }
}
