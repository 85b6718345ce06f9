import type { PolicyLayer } from '@corridor/contracts';

/** Raised with every change of the layer below: vehicles get a new version then, and the console shows which it was. */
export const BUILT_IN_VERSION = 1;

/**
 * What a vehicle does when nobody said anything: the layer under all others. Traffic is told apart by its differentiated
 * services code point (RFC 4594, RFC 8622), which applications set and no operator has to type in.
 *
 * - Small and vital goes out on every link at once: copies cost little, and the first to arrive wins.
 * - Video follows the fastest link: a copy of it would fill the others.
 * - All else stays where it is until that link fails.
 */
export const BUILT_IN_LAYER: PolicyLayer = {
  kind: 'policy-layer',
  v: 1,
  default: { strategy: 'active-standby' },
  classes: [
    // EF and VOICE-ADMIT: vital signs, alarms, speech. CS6 and CS5: network control and signalling.
    { name: 'vitals', strategy: 'redundant', match: [{ dscp: [46, 44, 48, 40] }] },
    // A lookup that is lost costs seconds, and is two small packets.
    { name: 'names', strategy: 'redundant', match: [{ protocol: 'udp', ports: [53] }] },
    // AF4x and CS4: video conference and real-time pictures. AF3x and CS3: streamed video.
    { name: 'video', strategy: 'smallest-delay', match: [{ dscp: [34, 36, 38, 32, 26, 28, 30, 24] }] },
    // CS1 and LE: updates and logs.
    { name: 'bulk', strategy: 'active-standby', match: [{ dscp: [8, 1] }] },
  ],
  without: [],
};
