import type { TelemetryAck, TelemetryBatch, TelemetryRecord } from '@corridor/contracts';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { testFrame } from '../../test/frames.js';
import { freshDatabase, type TestDatabase } from '../../test/postgres.js';
import type { MessageBus } from '../bus/message-bus.js';
import type { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import type { PrismaService } from '../store/prisma.service.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { TelemetryRepository, type TelemetryWrite } from '../store/telemetry-repository.js';
import { DeviceDirectory } from './device-directory.js';
import { IngestService } from './ingest.service.js';

const deviceId = newId();
const vehicleId = newId();

/** The real repository, which the test can make fail before or after the commit. */
class MoodyRepository extends TelemetryRepository {
  mood: 'well' | 'away' | 'answer-lost' = 'well';

  override async write(write: TelemetryWrite): Promise<void> {
    // The mood when it began: a test may see the rows, and change the mood, before this goes on.
    const { mood } = this;
    if (mood === 'away') throw unavailable();
    await super.write(write);
    if (mood === 'answer-lost') throw unavailable();
  }

  override async cursors() {
    if (this.mood !== 'well') throw unavailable();
    return super.cursors();
  }
}

const unavailable = () => Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });

class Gateway {
  readonly events = new DomainEvents();
  readonly repository: MoodyRepository;
  readonly ingest: IngestService;
  readonly acks: TelemetryAck[] = [];
  readonly recorded: string[] = [];

  constructor(store: PrismaService) {
    this.repository = new MoodyRepository(store);
    const devices = new DeviceDirectory(this.events);
    devices.learn([{ deviceId, vehicleId }]);
    const bus = {
      publish: async (_device: string, _leaf: string, payload: string) => {
        this.acks.push(JSON.parse(payload) as TelemetryAck);
      },
    } as unknown as MessageBus;
    const config = { retentionDays: 30 } as GatewayConfig;
    const partitions = new TelemetryPartitions(store);
    this.events.on('event-recorded', ({ id }) => this.recorded.push(id));
    this.ingest = new IngestService(this.repository, partitions, store, devices, bus, this.events, new Clock(), config);
  }

  send(batch: TelemetryBatch): void {
    this.events.emit('telemetry-batch', { deviceId, batch, receivedAtMs: Date.now() });
  }
}

function record(seq: number, extra: Partial<TelemetryRecord> = {}): TelemetryRecord {
  return { seq, monoMs: seq * 1000, frame: testFrame(), ...extra };
}

function batch(session: number, seqs: readonly number[], previousSeq = (seqs[0] ?? 1) - 1): TelemetryBatch {
  const records = seqs.map((seq) => record(seq));
  return { kind: 'telemetry-batch', v: 1, session, sentMonoMs: (seqs.at(-1) ?? 0) * 1000, previousSeq, records };
}

let database: TestDatabase;
let gateway: Gateway;

beforeEach(async () => {
  database = await freshDatabase();
  gateway = new Gateway(database.store);
  await gateway.ingest.onModuleInit();
  return async () => {
    await gateway.ingest.onModuleDestroy();
    await database.drop();
  };
});

async function stored(): Promise<number[]> {
  const rows = await database.store.client.metricFrame.findMany({ orderBy: [{ session: 'asc' }, { seq: 'asc' }] });
  return rows.map(({ seq }) => seq);
}

async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await test()); tries++) {
    if (tries > 500) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('records of a device', () => {
  it('are acknowledged when they are in the database, and not before', async () => {
    gateway.send(batch(1, [1, 2, 3]));
    expect(gateway.acks).toEqual([]);
    await until('acknowledgement', () => gateway.acks.length > 0);
    expect(gateway.acks).toEqual([{ kind: 'telemetry-ack', v: 1, session: 1, seq: 3, resend: false }]);
    expect(await stored()).toEqual([1, 2, 3]);
  });

  it('that come twice are kept once; what is missing is asked for', async () => {
    gateway.send(batch(1, [1, 2]));
    gateway.send(batch(1, [1, 2]));
    gateway.send(batch(1, [5]));
    expect(gateway.acks.at(-1)).toMatchObject({ session: 1, resend: true });
    gateway.send(batch(1, [3, 4, 5]));
    await until('all', async () => (await stored()).length === 5);
    expect(await stored()).toEqual([1, 2, 3, 4, 5]);
  });

  it('have the time that the vehicle’s monotonic clock gives them', async () => {
    const before = Date.now();
    gateway.send(batch(1, [1, 2, 11]));
    await until('all', async () => (await stored()).length === 3);
    const rows = await database.store.client.metricFrame.findMany({ orderBy: { seq: 'asc' } });
    const ages = rows.map(({ at }) => Math.round((before - at.getTime()) / 1000));
    expect(ages).toEqual([10, 9, 0]);
  });

  it('of a device that is not active are not taken', async () => {
    gateway.events.emit('device-revoked', { deviceId, vehicleId, reason: 'lost' });
    gateway.send(batch(1, [1]));
    gateway.ingest.record(
      [{ vehicleId, atMs: Date.now(), source: 'gateway', session: 1, seq: 1, frame: testFrame() }],
      [],
    );
    await until('the other one', async () => (await stored()).length === 1);
    expect(gateway.acks).toEqual([]);
  });

  it('that the database cannot hold harm nobody else’s, and do not come again for ever', async () => {
    const event = {
      kind: 'event' as const,
      v: 1 as const,
      type: 'agent' as const,
      reason: 'a \u0000 and half a \ud83d',
    };
    gateway.send({ ...batch(1, [1]), records: [record(1), { seq: 2, monoMs: 0, event }] });
    gateway.ingest.record(
      [{ vehicleId, atMs: Date.now(), source: 'gateway', session: 1, seq: 7, frame: testFrame() }],
      [],
    );
    await until('both', async () => (await stored()).length === 2);
    const [kept] = await database.store.client.event.findMany();
    expect(kept?.detail).toMatchObject({ reason: 'a \ufffd and half a \ufffd' });
    await until('acknowledgement', () => gateway.acks.some(({ seq }) => seq === 2));
  });

  it('that are older than anything is kept are acknowledged and dropped', async () => {
    gateway.send({ ...batch(1, [1]), sentMonoMs: 40 * 86_400_000 });
    await until('acknowledgement', () => gateway.acks.length > 0);
    expect([await stored(), gateway.ingest.counts.dropped]).toEqual([[], 1]);
  });
});

describe('a database that goes away', () => {
  it('makes devices keep their records: every one arrives once, whatever was under way', async () => {
    gateway.send(batch(1, [1, 2]));
    await until('first', async () => (await stored()).length === 2);
    gateway.repository.mood = 'away';
    gateway.send(batch(1, [3]));
    await until('refused', () => gateway.ingest.counts.waiting === 0);
    gateway.send(batch(1, [4]));
    gateway.repository.mood = 'well';
    await until('resend', () => {
      gateway.send(batch(1, [5]));
      return gateway.acks.some(({ resend }) => resend);
    });
    expect(gateway.acks.find(({ resend }) => resend)).toMatchObject({ seq: 2 });
    gateway.send(batch(1, [3, 4, 5]));
    await until('all', async () => (await stored()).length === 5);
    expect(await stored()).toEqual([1, 2, 3, 4, 5]);
  });

  it('after a commit whose answer was lost, what came through is not taken again', async () => {
    gateway.repository.mood = 'answer-lost';
    gateway.send(batch(1, [1, 2]));
    await until('committed', async () => (await stored()).length === 2);
    gateway.repository.mood = 'well';
    await until('open again', () => {
      gateway.send(batch(1, [1, 2, 3], 0));
      return gateway.ingest.counts.written > 0;
    });
    expect(await stored()).toEqual([1, 2, 3]);
  });

  it('costs none of the gateway’s own rows of that time', async () => {
    gateway.repository.mood = 'away';
    for (let seq = 1; seq <= 3; seq++) {
      gateway.ingest.record(
        [{ vehicleId, atMs: Date.now(), source: 'gateway', session: 1, seq, frame: testFrame() }],
        [],
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    gateway.repository.mood = 'well';
    await until('all', async () => (await stored()).length === 3);
  });
});

it('whatever is lost, doubled or restarted: every record that an agent keeps arrives exactly once, in every order', async () => {
  const step = fc.oneof(
    fc.constant('record' as const),
    fc.constant('send-lost' as const),
    fc.constant('send' as const),
    fc.constant('send-all' as const),
    fc.constant('away' as const),
    fc.constant('answer-lost' as const),
    fc.constant('well' as const),
    fc.constant('gateway-restart' as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await database.store.client.$executeRawUnsafe('TRUNCATE metric_frame, telemetry_cursor');
      let own = new Gateway(database.store);
      await own.ingest.onModuleInit();
      let made = 0;
      let sent = 0;
      const all = () => Array.from({ length: made }, (_, index) => index + 1);
      for (const action of steps) {
        if (action === 'record') made++;
        else if (action === 'send-lost') sent = made;
        else if (action === 'send' && made > sent) {
          own.send(batch(1, all().slice(sent), sent));
          sent = made;
        } else if (action === 'send-all' && made > 0) own.send(batch(1, all(), 0));
        else if (action === 'gateway-restart') {
          await own.ingest.onModuleDestroy();
          own = new Gateway(database.store);
          await own.ingest.onModuleInit();
        } else if (action === 'away' || action === 'answer-lost' || action === 'well') own.repository.mood = action;
      }
      own.repository.mood = 'well';
      made++;
      await until('all records', async () => {
        own.send(batch(1, all(), 0));
        return (await stored()).length >= made;
      });
      await own.ingest.onModuleDestroy();
      expect(await stored()).toEqual(all());
    }),
    { numRuns: 8 },
  );
});
