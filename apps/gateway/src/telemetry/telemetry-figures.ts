import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Metrics } from '../http/metrics.js';
import { IngestService } from './ingest.service.js';
import { StatusService } from './status.service.js';

/** What Prometheus is told of telemetry and of the fleet's state. */
@Injectable()
export class TelemetryFigures {
  constructor(
    @Inject(IngestService) ingest: IngestService,
    @Inject(StatusService) status: StatusService,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const registers = [metrics.registry];
    new Gauge({
      name: 'corridor_telemetry_rows',
      help: 'Rows of telemetry: waiting to be written, written and dropped since the start',
      labelNames: ['state'],
      registers,
      collect() {
        for (const [state, rows] of Object.entries(ingest.counts)) this.set({ state }, rows);
      },
    });
    new Gauge({
      name: 'corridor_vehicles',
      help: 'Vehicles that were ever heard of, by channel (tunnel, control) and its state',
      labelNames: ['channel', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { channel, state } of status.channels()) this.inc({ channel, state });
      },
    });
  }
}
