import { createHash } from 'node:crypto';
import type { RecordedEvent, TelemetryAck, TelemetryBatch, TelemetryRecord, VehicleEvent } from '@corridor/contracts';
import { type Cursor, Intake } from '@corridor/telemetry';
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { MessageBus } from '../bus/message-bus.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { type DomainEventMap, DomainEvents } from '../kernel/domain-events.js';
import { PrismaService } from '../store/prisma.service.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { type CursorMove, type FrameRow, TelemetryRepository } from '../store/telemetry-repository.js';
import { Acknowledgements } from './acknowledgements.js';
import { DeviceDirectory } from './device-directory.js';
import { lastLine } from './last-line.js';
import { recordedAtMs } from './record-time.js';
import { SentTimes } from './sent-times.js';
import { TelemetryWriter, type WriteEntry } from './telemetry-writer.js';

/** The database's integers end here; a device that counts further is not one of ours. */
const MOST = 2 ** 31 - 1;
const RETRY_MS = 1000;

/**
 * Takes the records of devices into the database, exactly once each: a device keeps a record until it is acknowledged, and it
 * is acknowledged when it is committed together with the device's cursor. While the database is away nothing is taken, so
 * the devices keep everything; afterwards the cursors are read anew, as an answer to a commit may have been lost.
 */
@Injectable()
export class IngestService implements OnModuleInit, OnModuleDestroy {
  readonly #log = new Logger('telemetry');
  readonly #intakes = new Map<string, DeviceIntake>();
  /** Up to where a device's events were told to the live feed, the database being there or not. */
  readonly #shown = new Map<string, Cursor>();
  readonly #acknowledgements: Acknowledgements;
  readonly #writer: TelemetryWriter;
  /** Agent sessions of the devices whose records were refused, by device: they are asked for them when they can be taken. */
  readonly #refused = new Map<string, number>();
  readonly #sentTimes = new SentTimes();
  #opening = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(TelemetryRepository) private readonly repository: TelemetryRepository,
    @Inject(TelemetryPartitions) partitions: TelemetryPartitions,
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(DeviceDirectory) private readonly devices: DeviceDirectory,
    @Inject(MessageBus) bus: MessageBus,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) clock: Clock,
    @Inject(GatewayConfig) config: GatewayConfig,
  ) {
    this.#acknowledgements = new Acknowledgements((deviceId, ack) => send(bus, deviceId, ack));
    this.#writer = new TelemetryWriter({
      write: (write) => repository.write(write),
      ensureDay: (ms) => partitions.ensure(ms),
      nowMs: () => clock.nowMs(),
      retentionDays: config.retentionDays,
      onCommitted: (cursor) => this.#committed(cursor),
      onLost: (error) => this.#lost(error),
    });
    events.on('telemetry-batch', (document) => this.#take(document));
    events.on('device-revoked', ({ deviceId }) => {
      this.#intakes.delete(deviceId);
      this.#sentTimes.forget(deviceId);
      this.#shown.delete(deviceId);
      this.#refused.delete(deviceId);
      this.#acknowledgements.forget(deviceId);
    });
  }

  /** Rows that wait, were written and were dropped since the start: for the metrics. */
  get counts(): { readonly waiting: number; readonly written: number; readonly dropped: number } {
    const { waiting, written, dropped } = this.#writer;
    return { waiting, written, dropped };
  }

  /** Rows of the gateway's own: kept here while the database is away, to a bound. */
  record(frames: readonly FrameRow[], events: readonly RecordedEvent[]): void {
    this.#writer.add({ frames, events, cursor: null });
  }

  async onModuleInit(): Promise<void> {
    await this.#open();
  }

  /** The first to go: what was taken is committed and acknowledged while bus and database are still there. */
  async onModuleDestroy(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#writer.close();
    this.#acknowledgements.close();
  }

  #take({ deviceId, batch, receivedAtMs }: DomainEventMap['telemetry-batch']): void {
    const vehicleId = this.devices.vehicleOf(deviceId);
    if (vehicleId === undefined || batch.session > MOST) return;
    const sentAtMs = this.#sentTimes.sentAtMs(deviceId, batch, receivedAtMs);
    const origin = { deviceId, vehicleId, batch, sentAtMs };
    if (!this.#writer.accepts) this.#refused.set(deviceId, batch.session);
    const records = this.#writer.accepts ? this.#keep(origin) : batch.records;
    // Dispatchers see what happens also while the database is away; the same event has the same id when it comes again.
    const shown = this.#shown.get(deviceId);
    for (const record of records)
      if (isAfter({ session: batch.session, seq: record.seq }, shown)) this.#show(record, origin);
  }

  /** Answers the records that are new. */
  #keep(origin: Origin): readonly TelemetryRecord[] {
    const { deviceId, batch } = origin;
    const device = this.#intakes.get(deviceId) ?? new DeviceIntake();
    this.#intakes.set(deviceId, device);
    const { records, move, answer } = device.take(batch);
    if (answer) this.#acknowledgements.now(deviceId, answer);
    if (records.length > 0) this.#writer.add({ ...rowsOf(records, origin), cursor: { deviceId, ...move } });
    return records;
  }

  #show({ seq, event, monoMs }: TelemetryRecord, origin: Origin): void {
    this.#shown.set(origin.deviceId, { session: origin.batch.session, seq });
    if (event) this.events.emit('event-recorded', recordedEvent(event, { seq, monoMs }, origin));
  }

  #committed({ deviceId, session, seq }: CursorMove): void {
    const ack = this.#intakes.get(deviceId)?.intake.committed({ session, seq });
    if (ack) this.#acknowledgements.soon(deviceId, ack);
  }

  #lost(error: Error): void {
    this.#log.warn(`records wait in the vehicles until the database answers again: ${lastLine(error)}`);
    this.#intakes.clear();
    this.#retryOpen();
  }

  #retryOpen(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#open(), RETRY_MS);
  }

  /** What the database says about cursors counts; only then are records taken. */
  async #open(): Promise<void> {
    if (this.#opening || this.#closed) return;
    this.#opening = true;
    try {
      if (!this.prisma.ready) throw new Error('PostgreSQL does not answer');
      const cursors = await this.repository.cursors();
      this.#intakes.clear();
      for (const { deviceId, session, seq } of cursors) {
        this.#intakes.set(deviceId, new DeviceIntake({ session, seq }));
      }
      this.#writer.open();
      this.#askRefused();
    } catch {
      this.#retryOpen();
    } finally {
      this.#opening = false;
    }
  }

  /** Devices that sent in vain need not wait until they try again by themselves. */
  #askRefused(): void {
    for (const [deviceId, session] of this.#refused) {
      const ack = this.#intakes.get(deviceId)?.standing(session) ?? { session, seq: 0 };
      this.#acknowledgements.now(deviceId, { kind: 'telemetry-ack', v: 1, ...ack, resend: true });
    }
    this.#refused.clear();
  }
}

/** A device's intake, and where it stands: the database must agree when the cursor moves. */
class DeviceIntake {
  readonly intake: Intake;
  #at: Cursor;

  constructor(at: Cursor = { session: 0, seq: 0 }) {
    this.intake = new Intake(at);
    this.#at = at;
  }

  /** Where it stands in an agent session; undefined when nothing of that one was taken. */
  standing(session: number): Cursor | undefined {
    return this.#at.session === session ? this.#at : undefined;
  }

  take(batch: TelemetryBatch) {
    const { records, cursor, answer } = this.intake.take(batch);
    const move = { session: cursor.session, seq: cursor.seq, from: this.#at };
    if (records.length > 0) this.#at = { session: cursor.session, seq: cursor.seq };
    return { records, move, answer };
  }
}

/** Where records come from. */
interface Origin {
  readonly deviceId: string;
  readonly vehicleId: string;
  readonly batch: TelemetryBatch;
  readonly sentAtMs: number;
}

function rowsOf(records: readonly TelemetryRecord[], origin: Origin): Pick<WriteEntry, 'frames' | 'events'> {
  const { vehicleId, batch, sentAtMs } = origin;
  const frames: FrameRow[] = [];
  const events: RecordedEvent[] = [];
  for (const record of records) {
    const { seq, frame, event } = record;
    const atMs = recordedAtMs(batch, record, sentAtMs);
    if (frame) frames.push({ vehicleId, atMs, source: 'vehicle', session: batch.session, seq, frame });
    if (event) events.push(recordedEvent(event, record, origin));
  }
  return { frames, events };
}

function recordedEvent(
  event: VehicleEvent,
  record: Pick<TelemetryRecord, 'seq' | 'monoMs'>,
  { deviceId, vehicleId, batch, sentAtMs }: Origin,
): RecordedEvent {
  const at = new Date(recordedAtMs(batch, record, sentAtMs)).toISOString();
  return { id: eventId(deviceId, batch.session, record.seq), at, vehicleId, source: 'vehicle', event };
}

function isAfter(a: Cursor, b: Cursor | undefined): boolean {
  return b === undefined || a.session > b.session || (a.session === b.session && a.seq > b.seq);
}

/** The same record has the same id, however often it comes (UUID version 8: made of a hash). */
function eventId(deviceId: string, session: number, seq: number): string {
  const hash = createHash('sha256').update(`${deviceId}/${session}/${seq}`).digest('hex');
  const variant = ((Number.parseInt(hash[16]!, 16) & 3) | 8).toString(16);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

function send(bus: MessageBus, deviceId: string, ack: TelemetryAck): void {
  // Lost ones do no harm: the device sends again what is not acknowledged.
  bus.publish(deviceId, 'telemetry/ack', JSON.stringify(ack), { qos: 0, retain: false }).catch(() => undefined);
}
