import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ModelPacket, QueueModel } from '../../test/queue-model.js';
import { SLOT_HEADROOM, SLOT_SHIFT } from '../batch.js';
import { Clock } from '../clock.js';
import { SendSlots } from '../send-slots.js';
import { ClassQueues, DROPPED_CODEL, DROPPED_DEADLINE, DROPPED_LIMIT } from './class-queues.js';
import type { QueueClass } from './class-table.js';
import { QueuePool } from './queue-pool.js';

const SLOTS = 96;
const LIMIT = 24;
const CE = 3;
const REASONS: Readonly<Record<number, string>> = {
  [DROPPED_CODEL]: 'codel',
  [DROPPED_DEADLINE]: 'deadline',
  [DROPPED_LIMIT]: 'limit',
};

/** One step of a history: what happens, and three numbers that say how. */
type Step = readonly [kind: number, a: number, b: number, c: number];

class Peer {
  readonly model: QueueModel;
  readonly queues: ClassQueues;
  readonly drops: [slot: number, reason: number][] = [];
  readonly held = new Set<number>();

  constructor(
    private readonly slots: SendSlots,
    pool: QueuePool,
    public classes: readonly QueueClass[],
  ) {
    this.model = new QueueModel(classes);
    const dropped = (slot: number, reason: number) => {
      this.drops.push([slot, reason]);
      this.release(slot);
    };
    this.queues = new ClassQueues(pool, classes, dropped, { maxPackets: LIMIT });
  }

  release(slot: number): void {
    if (!this.held.delete(slot)) expect.fail(`slot ${slot} comes out twice`);
    this.slots.release(slot);
  }
}

class History {
  readonly clock = new Clock();
  readonly slots = new SendSlots(SLOTS);
  readonly pool = new QueuePool(this.slots);
  readonly peers: Peer[];
  readonly reached = new Set<string>();

  constructor(seed: number) {
    this.clock.nowUs = 0;
    // The model never forgets a closed flow queue: so none must be reused.
    const flows = Array.from({ length: 1_000 }, (_, key) => this.pool.reopen(0, 0x3fff_ffff, key));
    for (const flow of flows) this.pool.close(flow);
    this.peers = [
      new Peer(this.slots, this.pool, classesFrom(seed)),
      new Peer(this.slots, this.pool, classesFrom(seed * 7 + 3)),
    ];
  }

  run([kind, a, b, c]: Step): void {
    const peer = this.peers[a & 1];
    const { queues, model } = peer;
    if (kind < 8) for (let i = 0; i <= c % 4; i++) this.enqueue(peer, b + (i >> 1) * 5, c * 3 + i);
    else if (kind < 12) this.clock.nowUs += kind === 8 ? b * 40 : b;
    else if (kind < 16) this.dispatch(peer, b, c);
    else if (kind === 16) this.remove(peer, b);
    else if (kind === 17 && c % 4 === 0) this.reconfigure(peer, b, c);
    else if (kind === 18 && c % 4 === 0) {
      model.setTarget(b % peer.classes.length, (c % 40) * 1_000);
      queues.setTarget(b % peer.classes.length, (c % 40) * 1_000);
    } else if (kind === 19 && c % 8 === 0) {
      if (model.packets > 0) model.pardon(this.clock.nowUs + b * 10);
      if (queues.packets > 0) queues.pardon(b * 10, this.clock);
    } else if (kind === 20 && c % 16 === 0) this.clear(peer);
    else if (kind === 21) this.scan(peer, b);
    this.compare(peer);
  }

  /** Everything that is left comes out in the right order, and every slot is free then. */
  finish(): void {
    for (const peer of this.peers) {
      for (let i = 0; i < SLOTS && peer.queues.packets > 0; i++) this.dispatch(peer, 7, 0);
      expect(peer.queues.packets).toBe(0);
      expect([...peer.held]).toEqual([]);
    }
    expect(this.slots.freeCount).toBe(SLOTS);
  }

  private enqueue(peer: Peer, what: number, size: number): void {
    const slot = this.slots.owner.indexOf(-1);
    const classIndex = what % (peer.classes.length + 1);
    const flow = (what >> 3) % Math.ceil(40 / peer.classes.length);
    const length = 40 + ((size * 97) % 1_800);
    const ect = (what >> 6) % 3 === 0;
    // Some were held for a while before.
    const nowUs = this.clock.nowUs;
    this.clock.nowUs = nowUs - (size % 5 === 0 ? 20_000 : 0);
    this.slots.hold(slot, 1, length, (classIndex << 12) | flow, 0, this.clock);
    const heldUs = this.clock.nowUs;
    this.clock.nowUs = nowUs;
    peer.held.add(slot);
    peer.model.marks.delete(slot);
    this.slots.slab[(slot << SLOT_SHIFT) + SLOT_HEADROOM] = 0x45;
    this.slots.slab[(slot << SLOT_SHIFT) + SLOT_HEADROOM + 1] = ect ? 2 : 0;
    const packet: ModelPacket = { id: slot, flow, length, heldUs, ect, enqueuedUs: 0, judged: false };
    peer.model.enqueue(packet, classIndex, nowUs);
    const victims = peer.model.packets > LIMIT ? peer.model.victims() : [];
    peer.queues.enqueue(slot, classIndex, this.clock);
    if (victims.length === 0) return;
    this.reached.add('limit');
    const [victim, reason] = peer.drops.pop() as [number, number];
    expect(reason).toBe(DROPPED_LIMIT);
    expect(victims).toContain(victim);
    peer.model.takeOut(victim);
  }

  /** Many flows of one packet, each of which goes at once. */
  private scan(peer: Peer, first: number): void {
    for (let i = 0; i < 30; i++) {
      this.enqueue(peer, (first & 7) + (((first >> 3) + i) << 3), i);
      this.dispatch(peer, 0xffff, 0, 1);
    }
  }

  private dispatch(peer: Peer, answers: number, again: number, most = 8): void {
    const { queues, model } = peer;
    queues.begin(this.clock);
    model.begin();
    for (let i = 0; i < most; i++) {
      const slot = queues.next();
      const expected = model.next(this.clock.nowUs);
      if (slot !== expected) expect.fail(`${slot} goes next instead of ${expected}`);
      if (slot < 0) return;
      if (((again >> i) & 1) === 1) expect(queues.next(), 'asked again').toBe(model.next(this.clock.nowUs));
      const isMarked = this.slots.slab[(slot << SLOT_SHIFT) + SLOT_HEADROOM + 1] === CE;
      if (isMarked !== model.marks.has(slot)) expect.fail(`packet ${slot} is marked: ${isMarked}`);
      const answer = (answers >> (i * 2)) & 7;
      if (answer < 2) {
        queues.blocked(answer === 1);
        model.blocked(answer === 1);
        this.reached.add(`blocked ${answer}`);
        continue;
      }
      if (model.marks.delete(slot)) this.reached.add('mark');
      queues.taken();
      model.taken();
      peer.release(slot);
    }
  }

  private remove(peer: Peer, which: number): void {
    const slot = which % SLOTS;
    const waited = peer.model.takeOut(slot);
    expect(peer.queues.remove(slot)).toBe(waited);
    peer.model.marks.delete(slot);
    if (waited) peer.release(slot);
  }

  private reconfigure(peer: Peer, seed: number, mapping: number): void {
    const classes = classesFrom(seed);
    const newIndexOf = peer.classes.map((_, index) => ((mapping >> index) % (classes.length + 2)) - 1);
    peer.queues.reconfigure(classes, newIndexOf);
    peer.model.reconfigure(classes, newIndexOf);
    peer.classes = classes;
    this.reached.add('reconfigure');
  }

  private clear(peer: Peer): void {
    peer.queues.clear();
    peer.model.clear();
    peer.model.marks.clear();
    for (const slot of [...peer.held]) peer.release(slot);
  }

  private compare({ queues, model, drops, classes }: Peer): void {
    if (drops.length > 0 || model.drops.length > 0) {
      const named = drops.map(([slot, reason]) => [slot, REASONS[reason]]);
      expect(named, 'what was dropped').toEqual(model.drops);
      for (const [, reason] of model.drops) this.reached.add(reason);
    }
    if (model.closedSpare) this.reached.add('spare flows');
    drops.length = 0;
    model.drops.length = 0;
    if (queues.packets !== model.packets) expect.fail(`${queues.packets} packets instead of ${model.packets}`);
    for (let index = 0; index < classes.length; index++) {
      const { packets, bytes } = model.backlog(index);
      if (queues.backlogPackets(index) !== packets || queues.backlogBytes(index) !== bytes) {
        expect.fail(`class ${index} has not ${packets} packets with ${bytes} bytes`);
      }
    }
  }
}

/** One to five classes with rules drawn from a number. */
function classesFrom(seed: number): QueueClass[] {
  return Array.from({ length: 1 + (seed % 5) }, (_, index) => {
    const bits = Math.imul(seed + 1, 0x9e37_79b1 + index * 0x1234_5678) >>> 7;
    return {
      priority: 1 + (bits % 4),
      urgent: bits % 7 === 0,
      minShare: [0, 0.05, 0.2, 0.5][(bits >> 3) % 4],
      deadlineUs: [60_000, 1_000_000, 3_000_000][(bits >> 5) % 3],
    };
  });
}

const step = fc.tuple(fc.nat(21), fc.nat(1), fc.nat(65_535), fc.nat(255));

describe('random histories', () => {
  it('give the same packets in the same order, and the same drops and marks, as the model; no slot is lost or out twice', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(fc.nat(10_000), fc.array(step, { maxLength: 150, size: 'max' }), (seed, steps) => {
        const history = new History(seed);
        for (const one of steps) history.run(one);
        history.finish();
        for (const what of history.reached) reached.add(what);
      }),
      { numRuns: 3_000, seed: 20_261_123, endOnFailure: true },
    );
    const events = ['blocked 0', 'blocked 1', 'codel', 'deadline', 'limit', 'mark', 'reconfigure', 'spare flows'];
    expect([...reached].sort()).toEqual(events);
  }, 120_000);
});
