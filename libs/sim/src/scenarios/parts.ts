/** What the scenarios have in common: three links, vital signs and video, the DSCPs that mark them, simple policies. */
import { builtInPolicy, type ClassPolicy, type TunnelPolicy } from '@corridor/tunnel';
import type { DirectionSpec, LinkSpec, TrafficSpec } from '../scenario.js';

/** Expedited forwarding (RFC 3246). */
export const DSCP_VITALS = 46;
/** AF41 (RFC 2597), multimedia conferencing in RFC 4594. */
export const DSCP_VIDEO = 34;

/** A link that is the same both ways. */
export function link(
  name: string,
  way: DirectionSpec,
  more: Omit<Partial<LinkSpec>, 'name' | 'up' | 'down'> = {},
): LinkSpec {
  return { name, up: way, down: way, ...more };
}

/** Three links of 20 Mbit/s, 20, 30 and 45 ms one way, in this order of priority; `change` holds for each direction. */
export function threeLinks(
  change: Partial<DirectionSpec> = {},
  more: Omit<Partial<LinkSpec>, 'name' | 'up' | 'down' | 'priority'> = {},
): LinkSpec[] {
  return [20_000, 30_000, 45_000].map((delayUs, index) =>
    link(`w${index}`, { rateBps: 20e6, delayUs, ...change }, { priority: index + 1, ...more }),
  );
}

/** 50 packets a second of 200 bytes. */
export const vitals: TrafficSpec = {
  kind: 'vitals',
  direction: 'up',
  packetsPerSecond: 50,
  bytes: 200,
  dscp: DSCP_VITALS,
};

/** 5 Mbit/s in packets of 1,200 bytes, 1.92 ms apart. */
export const video: TrafficSpec = { kind: 'video', direction: 'up', rateBps: 5e6, bytes: 1_200, dscp: DSCP_VIDEO };

/** What the hospital sends back: 50 packets a second of 200 bytes. */
export const vitalsDown: TrafficSpec = { ...vitals, direction: 'down' };

export const ambulanceTraffic: readonly TrafficSpec[] = [vitals, video, vitalsDown];

/** Everything by one strategy. */
export function policy(everything: ClassPolicy, version = 1): TunnelPolicy {
  return { version, default: everything, classes: [] };
}

/** The policy that holds where nobody set another. */
export function defaultPolicy(version = 1): TunnelPolicy {
  return { ...builtInPolicy, version };
}
