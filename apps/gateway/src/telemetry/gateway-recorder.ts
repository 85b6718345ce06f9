import type { MetricFrame, RecordedEvent, VehicleEvent } from '@corridor/contracts';
import { eventOf } from '@corridor/telemetry';
import type { HostEvent } from '@corridor/tunnel-host';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { type DomainEventMap, DomainEvents } from '../kernel/domain-events.js';
import { wallMs } from '../kernel/engine-time.js';
import { newId } from '../kernel/ids.js';
import { IngestService } from './ingest.service.js';

/** Inner packets a second above which a tunnel is in use. */
const BUSY_PACKETS = 10;
/** A tunnel that only proves itself alive is recorded this often, milliseconds. */
const IDLE_MS = 10_000;

/** What was last recorded of a vehicle. */
interface Recorded {
  readonly atMs: number;
  readonly packets: number;
  readonly states: string;
}

/** Records the gateway's own view of the tunnels: its frames, thinned where nothing happens, and every event. */
@Injectable()
export class GatewayRecorder {
  readonly #log = new Logger('telemetry');
  readonly #last = new Map<string, Recorded>();
  /** Names this run of the gateway in its frames: seconds since 1970. */
  readonly #session: number;
  #seq = 0;

  constructor(
    @Inject(IngestService) private readonly ingest: IngestService,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.#session = Math.floor(clock.nowMs() / 1000);
    events.on('gateway-frame', (sample) => this.#frame(sample));
    events.on('tunnel-event', (event) => this.#tunnelEvent(event));
    events.on('event-occurred', ({ vehicleId, event, atMs }) => this.#event(vehicleId, event, atMs));
    events.on('vehicle-removed', ({ vehicleId }) => this.#last.delete(vehicleId));
  }

  #frame({ vehicleId, frame, atMs, heardAtMs }: DomainEventMap['gateway-frame']): void {
    if (!isWorthKeeping(this.#last.get(vehicleId), frame, atMs)) return;
    this.#last.set(vehicleId, recorded(frame, atMs));
    const heardAt = heardAtMs === null ? {} : { heardAt: new Date(heardAtMs).toISOString() };
    const kept = { ...frame, tunnel: { ...frame.tunnel, ...heardAt } };
    this.#seq++;
    this.ingest.record(
      [{ vehicleId, atMs, source: 'gateway', session: this.#session, seq: this.#seq, frame: kept }],
      [],
    );
  }

  #tunnelEvent(event: HostEvent): void {
    if (!('peer' in event)) {
      if (event.type === 'warning') this.#log.warn(`tunnel: ${event.reason}`);
      return;
    }
    const kept = eventOf(event);
    if (kept) this.#event(event.peer, kept, wallMs(event.atUs, this.clock.nowMs()));
  }

  #event(vehicleId: string, event: VehicleEvent, atMs: number): void {
    const at = new Date(atMs).toISOString();
    const recorded: RecordedEvent = { id: newId(), at, vehicleId, source: 'gateway', event };
    this.ingest.record([], [recorded]);
    this.events.emit('event-recorded', recorded);
  }
}

/** A second under traffic, a change of any path, and now and then a tunnel that merely stands. */
export function isWorthKeeping(last: Recorded | undefined, frame: MetricFrame, atMs: number): boolean {
  const now = recorded(frame, atMs);
  if (!last) return frame.tunnel.session === 'established';
  if (now.states !== last.states) return true;
  if (now.packets - last.packets >= (BUSY_PACKETS * (atMs - last.atMs)) / 1000) return true;
  return frame.tunnel.session === 'established' && atMs - last.atMs >= IDLE_MS;
}

function recorded({ tunnel, paths }: MetricFrame, atMs: number): Recorded {
  const states = [tunnel.session, ...paths.map(({ name, state }) => `${name} ${state}`)].join(', ');
  return { atMs, packets: tunnel.packetsSent + tunnel.packetsDelivered, states };
}
