/** What reliability costs: bytes on all links beyond those that carrying every packet once takes. Pure. */
import type { FlowResult, Scenario } from '@corridor/sim';
import { OVERHEAD_BYTES } from '@corridor/wire';
import type { WireBytes } from '../scenario/run.js';

/** Outside a datagram: IP and UDP headers. */
const OUTSIDE_BYTES = { 4: 28, 6: 48 } as const;

export interface ExtraBytes {
  /** Copies, repair packets and packets sent again, over what every packet once would take. */
  readonly data: number;
  /** Acknowledgements and probes, over the same. */
  readonly control: number;
}

/** Shares of the bytes that one run's flows take when each of their packets goes out in a datagram of its own, once. */
export function extraBytes(scenario: Scenario, flows: readonly FlowResult[], wire: WireBytes): ExtraBytes {
  const perPacket = OUTSIDE_BYTES[scenario.outsideFamily ?? 4] + OVERHEAD_BYTES;
  const perVehicle = scenario.traffic.length;
  const once = flows.reduce(
    (sum, { sent }, index) => sum + sent * ((scenario.traffic[index % perVehicle]?.bytes ?? 0) + perPacket),
    0,
  );
  return { data: (wire.bytes - wire.smallBytes) / once - 1, control: wire.smallBytes / once };
}
