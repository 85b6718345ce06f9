import type { Liveness, MetricFrame, PolicyStatus, TelemetryBatch, VehicleStatus } from '@corridor/contracts';
import type { HostEvent } from '@corridor/tunnel-host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { type DomainEventMap, DomainEvents } from '../kernel/domain-events.js';
import { DeviceDirectory } from './device-directory.js';
import { recordedAtMs } from './record-time.js';
import { SentTimes } from './sent-times.js';
import { StatusRecord } from './status-record.js';

/** How often ages are looked at: a state is never shown longer than this after it ended. */
const AGEING_MS = 250;
const NO_BROKER = 'the gateway has no connection to the broker';

const NO_POLICY: PolicyStatus = {
  target: 0,
  targetDigest: null,
  applied: 0,
  appliedDigest: null,
  state: 'none',
  reason: '',
  at: null,
};

/** The last that was known of one end of a vehicle when an earlier run of the gateway ended. */
export interface Remembered {
  readonly vehicleId: string;
  readonly source: 'vehicle' | 'gateway';
  readonly atMs: number;
  readonly frame: MetricFrame;
}

/**
 * The newest state of every vehicle, in memory: asked for by REST and the live feed, never by a query. Tunnel and control
 * channel are judged apart, each by its own evidence. Depends on nothing but the domain events, so that every module may
 * use it.
 */
@Injectable()
export class StatusService implements OnModuleInit, OnModuleDestroy {
  readonly #records = new Map<string, StatusRecord>();
  #policyOf: (vehicleId: string) => PolicyStatus = () => NO_POLICY;
  readonly #sentTimes = new SentTimes();
  #timer: NodeJS.Timeout | undefined;
  #tunnelBlind: string | null = null;
  #controlBlind: string | null = null;

  constructor(
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(DeviceDirectory) private readonly devices: DeviceDirectory,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    events.on('gateway-frame', (sample) => this.#gatewayFrame(sample));
    events.on('tunnel-event', (event) => this.#tunnelEvent(event));
    events.on('tunnel-state', ({ running, reason }) => this.#tunnelState(running ? null : reason));
    events.on('bus-state', ({ connected }) => this.#busState(connected ? null : NO_BROKER));
    events.on('telemetry-batch', ({ deviceId, batch, receivedAtMs }) => {
      const sentAtMs = this.#sentTimes.sentAtMs(deviceId, batch, receivedAtMs);
      this.#message(deviceId, receivedAtMs, (record) => applyBatch(record, batch, sentAtMs));
    });
    events.on('policy-request', ({ deviceId }) => this.#message(deviceId, this.clock.nowMs()));
    events.on('policy-ack', ({ deviceId }) => this.#message(deviceId, this.clock.nowMs()));
    events.on('device-connected', ({ deviceId }) => this.#message(deviceId, this.clock.nowMs()));
    events.on('device-disconnected', ({ deviceId, reason }) => this.#disconnected(deviceId, reason));
    events.on('agent-status', (document) => this.#agentStatus(document));
    events.on('policy-state', ({ vehicleId }) => this.events.emit('status-changed', { vehicleId }));
    events.on('vehicle-removed', ({ vehicleId }) => this.#records.delete(vehicleId));
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => this.age(), AGEING_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Where the policy's part comes from: PolicyService.statusOf, set once at start. */
  usePolicyStatus(source: (vehicleId: string) => PolicyStatus): void {
    this.#policyOf = source;
  }

  /** Never fails: a vehicle without any evidence is "never" seen. */
  statusOf(vehicleId: string): VehicleStatus {
    const record = this.#records.get(vehicleId) ?? new StatusRecord();
    return record.status(this.#policyOf(vehicleId));
  }

  /** State of both channels of every vehicle that is known here. */
  *channels(): Iterable<{ readonly channel: 'tunnel' | 'control'; readonly state: Liveness }> {
    for (const { tunnel, control } of this.#records.values()) {
      yield { channel: 'tunnel', state: tunnel.state };
      yield { channel: 'control', state: control.state };
    }
  }

  /** Takes what the database knows; whatever was heard meanwhile stays. Nothing of it makes a channel live. */
  restore(remembered: readonly Remembered[]): void {
    for (const { vehicleId, source, atMs, frame } of remembered) {
      const record = this.#record(vehicleId);
      if (source === 'vehicle') {
        record.vehicleFrame(frame, atMs, 0, 0);
        record.control.restore(atMs, this.clock.nowMs());
      } else {
        if (record.tunnel.evidence.lastSeenMs === null) record.gatewayFrame(frame);
        record.tunnel.restore(heardAtMs(frame) ?? atMs, this.clock.nowMs());
      }
      this.#changed(vehicleId, record);
    }
  }

  /** Lets time pass: channels that nothing was heard of become stale and offline without any message. */
  age(): void {
    const nowMs = this.clock.nowMs();
    for (const [vehicleId, record] of this.#records) {
      if (nowMs >= Math.min(record.tunnel.nextMs, record.control.nextMs)) this.#judge(vehicleId, record, nowMs);
    }
  }

  #gatewayFrame({ vehicleId, frame, heardAtMs: heard }: DomainEventMap['gateway-frame']): void {
    const record = this.#record(vehicleId);
    record.gatewayFrame(frame);
    // After a goodbye the engine still knows when it heard it: only a session that stands is a sign of life.
    if (heard !== null && frame.tunnel.session === 'established') record.tunnel.seen(heard);
    this.#changed(vehicleId, record);
  }

  #tunnelEvent(event: HostEvent): void {
    if (event.type !== 'session') return;
    const record = this.#record(event.peer);
    if (event.state === 'established') record.tunnel.seen(this.clock.nowMs());
    else if (event.state === 'closed' || event.state === 'lost') record.tunnel.evidence.gone = event.reason;
    this.#changed(event.peer, record);
  }

  #tunnelState(blind: string | null): void {
    this.#tunnelBlind = blind;
    for (const [vehicleId, record] of this.#records) {
      record.tunnel.evidence.blind = blind;
      this.#changed(vehicleId, record);
    }
  }

  #busState(blind: string | null): void {
    this.#controlBlind = blind;
    for (const [vehicleId, record] of this.#records) {
      record.control.evidence.blind = blind;
      this.#changed(vehicleId, record);
    }
  }

  #message(deviceId: string, atMs: number, apply?: (record: StatusRecord) => void): void {
    const vehicleId = this.devices.vehicleOf(deviceId);
    if (vehicleId === undefined) return;
    const record = this.#record(vehicleId);
    record.control.seen(atMs);
    apply?.(record);
    this.#changed(vehicleId, record);
  }

  #agentStatus({ deviceId, status, receivedAtMs, retained }: DomainEventMap['agent-status']): void {
    const vehicleId = this.devices.vehicleOf(deviceId);
    if (vehicleId === undefined || retained) return;
    const record = this.#record(vehicleId);
    if (record.agentStatus(status, receivedAtMs)) this.#changed(vehicleId, record);
  }

  #disconnected(deviceId: string, reason: string): void {
    const vehicleId = this.devices.vehicleOf(deviceId);
    if (vehicleId === undefined) return;
    const record = this.#record(vehicleId);
    // The agent's own words, which came just before, say more.
    record.control.evidence.gone ??= `MQTT session ended: ${reason}`;
    this.#changed(vehicleId, record);
  }

  #record(vehicleId: string): StatusRecord {
    const known = this.#records.get(vehicleId);
    if (known) return known;
    const record = new StatusRecord();
    record.tunnel.evidence.blind = this.#tunnelBlind;
    record.control.evidence.blind = this.#controlBlind;
    record.control.evidence.alive = 'MQTT session up, reports arrive';
    this.#records.set(vehicleId, record);
    return record;
  }

  #changed(vehicleId: string, record: StatusRecord): void {
    const nowMs = this.clock.nowMs();
    record.tunnel.judge(nowMs);
    record.control.judge(nowMs);
    this.events.emit('status-changed', { vehicleId });
  }

  #judge(vehicleId: string, record: StatusRecord, nowMs: number): void {
    const tunnel = record.tunnel.judge(nowMs);
    const control = record.control.judge(nowMs);
    if (tunnel || control) this.events.emit('status-changed', { vehicleId });
  }
}

/** The newest frame of a batch is the vehicle's state. */
function applyBatch(record: StatusRecord, batch: TelemetryBatch, sentAtMs: number): void {
  const newest = batch.records.findLast(({ frame }) => frame !== undefined);
  if (!newest?.frame) return;
  record.vehicleFrame(newest.frame, recordedAtMs(batch, newest, sentAtMs), batch.session, newest.seq);
}

/** When the tunnel was last heard, as the recorder notes it in the gateway's own frames. */
function heardAtMs(frame: MetricFrame): number | undefined {
  const { heardAt } = frame.tunnel;
  const ms = typeof heardAt === 'string' ? Date.parse(heardAt) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
