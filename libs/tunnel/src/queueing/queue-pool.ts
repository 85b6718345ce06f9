/**
 * What the queues of all peers of an engine are made of: links through the send slots, and flow queues. A slot waits in
 * one queue at most, and only what waits needs a flow queue: so one pool serves every peer, and an idle peer needs
 * nothing of it.
 *
 * A flow queue that is closed keeps its key and CoDel state until it is reused, longest closed first: a flow that comes
 * back soon finds itself as it was.
 */
import type { SendSlots } from '../send-slots.js';

/** Stands for "no flow queue"; the queue of this number is the head of the list of closed ones. */
export const NO_FLOW = 0;
const NO_SLOT = -1;
const FIRST_FLOWS = 64;

export class QueuePool {
  // Of each slot.
  /** Flow queue that the slot waits in. */
  readonly flowOf: Int32Array;
  /** Neighbours in that queue, -1 at its ends. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  readonly enqueuedUs: Float64Array;

  // Of each flow queue.
  /** First and last slot, -1 when empty. */
  head = new Int32Array(0);
  tail = new Int32Array(0);
  packets = new Int32Array(0);
  bytes = new Int32Array(0);
  /** Bytes that it may still send in this round. */
  deficit = new Int32Array(0);
  /** Next flow queue in the list that this one stands in. */
  after = new Int32Array(0);
  /** 1: opened and not closed since. */
  open = new Uint8Array(0);
  /** 1: CoDel has seen the packet that is at the head. */
  judged = new Uint8Array(0);
  /** CoDel (RFC 8289): `count`, `lastcount`, `dropping`, `first_above_time` (0: none), `drop_next`. */
  count = new Int32Array(0);
  lastCount = new Int32Array(0);
  dropping = new Uint8Array(0);
  firstAboveUs = new Float64Array(0);
  dropNextUs = new Float64Array(0);

  private owner = new Int32Array(0);
  private key = new Int32Array(0);
  /** Neighbour before in the list of closed ones; `after` is the one behind. */
  private before = new Int32Array(0);
  /** Hash table of owner and key: first flow queue of each bucket, next one in the bucket of each flow queue. */
  private buckets = new Int32Array(0);
  private chain = new Int32Array(0);
  private size = 0;
  private owners = 0;

  /**
   * @param patientUs least target of CoDel for flows that are not TCP, microseconds: a drop tells a sender that adapts, and
   * takes from one that does not
   */
  constructor(
    readonly slots: SendSlots,
    readonly patientUs = 0,
  ) {
    this.flowOf = new Int32Array(slots.slots).fill(NO_FLOW);
    this.next = new Int32Array(slots.slots).fill(NO_SLOT);
    this.previous = new Int32Array(slots.slots).fill(NO_SLOT);
    this.enqueuedUs = new Float64Array(slots.slots);
  }

  /** Flow queues that exist, open and closed. */
  get flows(): number {
    return Math.max(0, this.size - 1);
  }

  /** A number that nobody has used as `owner` before. */
  newOwner(): number {
    this.owners = (this.owners + 1) & 0x3fff_ffff;
    return this.owners;
  }

  /** The flow queue of this owner and key, open or closed; NO_FLOW if there is none. */
  find(owner: number, key: number): number {
    if (this.size === 0) return NO_FLOW;
    let flow = this.buckets[this.bucketOf(owner, key)];
    while (flow !== NO_FLOW && (this.owner[flow] !== owner || this.key[flow] !== key)) flow = this.chain[flow];
    return flow;
  }

  /** Opens `flow`, which is closed; or, for NO_FLOW, makes one for this owner and key. It is empty, its deficit 0. */
  reopen(flow: number, owner: number, key: number): number {
    let opened = flow;
    if (opened === NO_FLOW) {
      if (this.size === 0 || this.after[NO_FLOW] === NO_FLOW) this.grow();
      opened = this.after[NO_FLOW];
      this.unhash(opened);
      this.rename(opened, owner, key);
      // Without a count, CoDel does not look at the rest of its state.
      this.count[opened] = 0;
      this.lastCount[opened] = 0;
    }
    this.unlinkClosed(opened);
    this.open[opened] = 1;
    this.deficit[opened] = 0;
    this.judged[opened] = 0;
    return opened;
  }

  /** Closes an empty flow queue that stands in no list any more. */
  close(flow: number): void {
    this.open[flow] = 0;
    this.forgetQueue(flow);
    this.linkClosed(flow);
  }

  /** CoDel finds the flow queue empty: there is no standing queue. */
  forgetQueue(flow: number): void {
    this.dropping[flow] = 0;
    this.firstAboveUs[flow] = 0;
  }

  /** Gives an open flow queue another owner and key, which must not be in use. */
  rekey(flow: number, owner: number, key: number): void {
    this.unhash(flow);
    this.rename(flow, owner, key);
  }

  keyOf(flow: number): number {
    return this.key[flow];
  }

  ownerOf(flow: number): number {
    return this.owner[flow];
  }

  /** Puts a slot at the end of a flow queue. */
  append(flow: number, slot: number): void {
    const last = this.tail[flow];
    this.flowOf[slot] = flow;
    this.next[slot] = NO_SLOT;
    this.previous[slot] = last;
    if (last === NO_SLOT) this.head[flow] = slot;
    else this.next[last] = slot;
    this.tail[flow] = slot;
    this.packets[flow]++;
    this.bytes[flow] += this.slots.length[slot];
  }

  /** Takes a slot out of its flow queue, wherever it stands. */
  detach(slot: number): void {
    const flow = this.flowOf[slot];
    const next = this.next[slot];
    const previous = this.previous[slot];
    if (previous === NO_SLOT) {
      this.head[flow] = next;
      this.judged[flow] = 0;
    } else this.next[previous] = next;
    if (next === NO_SLOT) this.tail[flow] = previous;
    else this.previous[next] = previous;
    this.flowOf[slot] = NO_FLOW;
    this.packets[flow]--;
    this.bytes[flow] -= this.slots.length[slot];
  }

  /** Moves every slot of one flow queue to another, in the order in which they were put in. */
  merge(from: number, to: number): void {
    const waiting: number[] = [];
    for (const flow of [to, from]) {
      while (this.head[flow] !== NO_SLOT) {
        waiting.push(this.head[flow]);
        this.detach(this.head[flow]);
      }
    }
    waiting.sort((a, b) => this.enqueuedUs[a] - this.enqueuedUs[b]);
    for (const slot of waiting) this.append(to, slot);
  }

  private rename(flow: number, owner: number, key: number): void {
    const bucket = this.bucketOf(owner, key);
    this.owner[flow] = owner;
    this.key[flow] = key;
    this.chain[flow] = this.buckets[bucket];
    this.buckets[bucket] = flow;
  }

  private unhash(flow: number): void {
    if (this.owner[flow] === 0) return;
    const bucket = this.bucketOf(this.owner[flow], this.key[flow]);
    this.owner[flow] = 0;
    if (this.buckets[bucket] === flow) {
      this.buckets[bucket] = this.chain[flow];
      return;
    }
    let before = this.buckets[bucket];
    while (this.chain[before] !== flow) before = this.chain[before];
    this.chain[before] = this.chain[flow];
  }

  private bucketOf(owner: number, key: number): number {
    const hash = Math.imul(owner, 0x9e37_79b1) ^ Math.imul(key, 0x85eb_ca6b);
    return (hash ^ (hash >>> 15)) & (this.buckets.length - 1);
  }

  private linkClosed(flow: number): void {
    const last = this.before[NO_FLOW];
    this.after[last] = flow;
    this.before[flow] = last;
    this.after[flow] = NO_FLOW;
    this.before[NO_FLOW] = flow;
  }

  private unlinkClosed(flow: number): void {
    this.after[this.before[flow]] = this.after[flow];
    this.before[this.after[flow]] = this.before[flow];
    this.after[flow] = NO_FLOW;
  }

  /** Twice as many flow queues. */
  private grow(): void {
    const old = this.size;
    const size = old === 0 ? FIRST_FLOWS : old * 2;
    this.head = wider(this.head, size).fill(NO_SLOT, old);
    this.tail = wider(this.tail, size).fill(NO_SLOT, old);
    this.packets = wider(this.packets, size);
    this.bytes = wider(this.bytes, size);
    this.deficit = wider(this.deficit, size);
    this.after = wider(this.after, size);
    this.before = wider(this.before, size);
    this.count = wider(this.count, size);
    this.lastCount = wider(this.lastCount, size);
    this.owner = wider(this.owner, size);
    this.key = wider(this.key, size);
    this.chain = wider(this.chain, size);
    this.open = widerBytes(this.open, size);
    this.judged = widerBytes(this.judged, size);
    this.dropping = widerBytes(this.dropping, size);
    this.firstAboveUs = widerDoubles(this.firstAboveUs, size);
    this.dropNextUs = widerDoubles(this.dropNextUs, size);
    this.buckets = new Int32Array(size);
    this.size = size;
    for (let flow = 1; flow < old; flow++)
      if (this.owner[flow] !== 0) this.rename(flow, this.owner[flow], this.key[flow]);
    for (let flow = Math.max(1, old); flow < size; flow++) this.linkClosed(flow);
  }
}

function wider(array: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(size);
  copy.set(array);
  return copy;
}

function widerBytes(array: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(size);
  copy.set(array);
  return copy;
}

function widerDoubles(array: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(size);
  copy.set(array);
  return copy;
}
