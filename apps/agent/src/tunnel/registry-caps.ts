import type { Credentials } from '@corridor/contracts';
import type { CapOptions } from '@corridor/tunnel-host';

/** Data caps that people entered at the gateway, by interface: of a calendar month, as nothing else is known of it. */
export function capsOf({ uplinks = [] }: Credentials): ReadonlyMap<string, CapOptions> {
  return new Map(uplinks.map(({ name, monthlyCapBytes }) => [name, { bytes: monthlyCapBytes, resetDay: 1 }]));
}
