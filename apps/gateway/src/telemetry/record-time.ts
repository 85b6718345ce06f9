import type { TelemetryBatch, TelemetryRecord } from '@corridor/contracts';

/**
 * When a record was made, UTC milliseconds: as long before the batch was sent as the vehicle's monotonic clock says. The
 * vehicle's idea of the time plays no part. A record from the future of its own batch was made when the batch was sent.
 */
export function recordedAtMs(
  batch: Pick<TelemetryBatch, 'sentMonoMs'>,
  record: Pick<TelemetryRecord, 'monoMs'>,
  sentAtMs: number,
): number {
  return sentAtMs - Math.max(0, batch.sentMonoMs - record.monoMs);
}
