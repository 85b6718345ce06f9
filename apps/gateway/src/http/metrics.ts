import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Figures for Prometheus. Other domains add theirs to `registry`, named `corridor_…` with the unit at the end. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  /** By route template, never by URL: a label a vehicle would be a series a vehicle. */
  readonly requestSeconds = new Histogram({
    name: 'corridor_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
