import type { MetricFrame, TelemetryAck, TelemetryBatch, TelemetryRecord, VehicleEvent } from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cursor, Intake } from './intake.js';
import { Spool } from './spool.js';

const FRAME = { kind: 'metric-frame', v: 1, paths: [], classes: [] } as unknown as MetricFrame;
const EVENT: VehicleEvent = { kind: 'event', v: 1, type: 'agent', reason: 'started' };

/** What the world does to agent, broker and gateway; each step is one of these. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.constant('frame' as const) },
  { weight: 3, arbitrary: fc.constant('event' as const) },
  { weight: 8, arbitrary: fc.constant('send' as const) },
  { weight: 8, arbitrary: fc.constant('deliver' as const) },
  { weight: 3, arbitrary: fc.constant('deliver-twice' as const) },
  { weight: 3, arbitrary: fc.constant('lose-batch' as const) },
  { weight: 6, arbitrary: fc.constant('commit' as const) },
  { weight: 2, arbitrary: fc.constant('commit-fails' as const) },
  { weight: 5, arbitrary: fc.constant('deliver-ack' as const) },
  { weight: 2, arbitrary: fc.constant('lose-ack' as const) },
  { weight: 2, arbitrary: fc.constant('reconnect' as const) },
  { weight: 1, arbitrary: fc.constant('gateway-restart' as const) },
  { weight: 1, arbitrary: fc.constant('agent-restart' as const) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Agent, broker and gateway around Spool and Intake, with a database that is a list. */
class World {
  nowMs = 0;
  spool: Spool;
  intake = new Intake();
  readonly database: { session: number; record: TelemetryRecord }[] = [];
  #cursor: Cursor | undefined;
  #pending: { session: number; records: readonly TelemetryRecord[]; cursor: Cursor }[] = [];
  #batches: TelemetryBatch[] = [];
  #acks: TelemetryAck[] = [];
  #session = 1;

  constructor(
    readonly capacity: number,
    readonly window: number,
  ) {
    this.spool = this.#newSpool();
  }

  do(step: Step): void {
    this.nowMs += 500;
    if (step === 'frame') this.spool.frame(FRAME, this.nowMs);
    if (step === 'event') this.spool.event(EVENT, this.nowMs);
    if (step === 'send') this.#send();
    if (step === 'deliver') this.#deliver(this.#batches.shift());
    if (step === 'deliver-twice') {
      this.#deliver(this.#batches[0]);
      this.#deliver(this.#batches.shift());
    }
    if (step === 'lose-batch') this.#batches.shift();
    if (step === 'commit') this.#commit();
    if (step === 'commit-fails') this.#commitFails();
    if (step === 'deliver-ack') this.#deliverAck(this.#acks.shift());
    if (step === 'lose-ack') this.#acks.shift();
    if (step === 'reconnect') this.#reconnect();
    if (step === 'gateway-restart') this.#restartGateway();
    if (step === 'agent-restart') this.#restartAgent();
  }

  /** A fair world for long enough: everything that is sent arrives. */
  settle(): void {
    for (let round = 0; round < 400 && this.spool.figures.held > 0; round += 1) {
      for (const step of ['send', 'deliver', 'commit', 'deliver-ack'] as const) this.do(step);
    }
  }

  #newSpool(): Spool {
    return new Spool({ session: this.#session, capacity: this.capacity, window: this.window });
  }

  #send(): void {
    for (let batch = this.spool.next(this.nowMs); batch; batch = this.spool.next(this.nowMs)) this.#batches.push(batch);
  }

  #deliver(batch: TelemetryBatch | undefined): void {
    if (batch === undefined) return;
    const { records, cursor, answer } = this.intake.take(batch);
    if (records.length > 0) this.#pending.push({ session: batch.session, records, cursor });
    if (answer !== undefined) this.#acks.push(answer);
  }

  #commit(): void {
    for (const { session, records, cursor } of this.#pending) {
      this.database.push(...records.map((record) => ({ session, record })));
      this.#cursor = cursor;
      this.#acks.push(this.intake.committed(cursor));
    }
    this.#pending = [];
  }

  #commitFails(): void {
    if (this.#pending.length === 0) return;
    this.#pending = [];
    const answer = this.intake.failed();
    if (answer !== undefined) this.#acks.push(answer);
  }

  #deliverAck(ack: TelemetryAck | undefined): void {
    if (ack !== undefined) this.spool.acknowledged(ack);
  }

  #reconnect(): void {
    this.#batches = [];
    this.#acks = [];
    this.spool.connected();
  }

  #restartGateway(): void {
    this.#pending = [];
    this.intake = new Intake(this.#cursor);
    this.#reconnect();
  }

  /** What it held is lost with its memory; what is under way still arrives. */
  #restartAgent(): void {
    this.#session += 1;
    this.#acks = [];
    this.spool = this.#newSpool();
  }
}

describe('spool and intake', () => {
  it('bring every record that was held into the database exactly once and in order, whatever happens between', () => {
    const room = fc.record({ capacity: fc.integer({ min: 3, max: 40 }), window: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(room, fc.array(step, { maxLength: 150 }), ({ capacity, window }, steps) => {
        const world = new World(capacity, window);
        for (const one of steps) world.do(one);
        const held = world.spool.figures.held;
        const session = world.spool.session;
        const before = world.database.filter((row) => row.session === session).length;
        world.settle();

        expect(world.spool.figures.held).toBe(0);
        const names = world.database.map(({ session: of, record }) => of * 1e6 + record.seq);
        expect(names).toEqual([...new Set(names)].sort((a, b) => a - b));
        const after = world.database.filter((row) => row.session === session).length;
        expect(after).toBeGreaterThanOrEqual(Math.max(before, held));
        expect(after + world.spool.figures.dropped).toBeGreaterThanOrEqual(world.spool.figures.numbered);
      }),
      { numRuns: 1500 },
    );
  });

  it('lose nothing of a running agent whose spool was large enough', () => {
    const calm = step.filter((one) => one !== 'agent-restart');
    fc.assert(
      fc.property(fc.array(calm, { maxLength: 200 }), (steps) => {
        const world = new World(1000, 480);
        for (const one of steps) world.do(one);
        world.settle();
        expect(world.database.map(({ record }) => record.seq)).toEqual(
          Array.from({ length: world.spool.figures.numbered }, (_, index) => index + 1),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
