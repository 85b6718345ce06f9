import type { TunnelPolicy } from './policy.js';

/**
 * What a tunnel does when nobody said anything: the default of `corridor-tunnel`, an agent's policy until the gateway has sent
 * one, the layer under all others in the gateway, and what the benches measure. Traffic is told apart by its differentiated services code
 * point (RFC 4594, RFC 5865, RFC 8622), which applications set and no operator has to type in.
 */
export const builtInPolicy: TunnelPolicy = {
  version: 0,
  // Records, images, everything that is not marked: all links together, behind what is live.
  default: { strategy: 'adaptive', priority: 4, minShare: 0.1, redundancy: 0.1, deadlineMs: 3_000, avoid: ['capped'] },
  classes: [
    {
      // Vital signs, alarms, speech, signalling and network control: tiny, so copies of everything cost next to nothing.
      name: 'vitals',
      strategy: 'adaptive',
      priority: 1,
      urgent: true,
      redundancy: 2,
      deadlineMs: 3_000,
      // EF, VOICE-ADMIT, CS5, CS6, CS7.
      match: [{ dscp: [46, 44, 40, 48, 56] }],
    },
    {
      // Names, time, echo: a lookup that is lost costs seconds, and is two small packets.
      name: 'lookups',
      strategy: 'adaptive',
      priority: 2,
      redundancy: 2,
      deadlineMs: 1_000,
      match: [{ protocol: 'udp', ports: [53, 123] }, { protocol: 'tcp', ports: [53] }, { protocol: 'icmp' }],
    },
    {
      // Live video and ultrasound: a picture that is late is worth little, a tenth may be spent against loss.
      name: 'video',
      strategy: 'adaptive',
      priority: 3,
      minShare: 0.2,
      redundancy: 0.1,
      deadlineMs: 1_000,
      avoid: ['capped'],
      // AF41 to AF43 and CS4: conferences and live pictures. AF31 to AF33 and CS3: streams.
      match: [{ dscp: [34, 36, 38, 32, 26, 28, 30, 24] }],
    },
    {
      // Updates and logs: the cheapest link, when nobody else needs it.
      name: 'bulk',
      strategy: 'adaptive',
      priority: 8,
      minShare: 0.02,
      deadlineMs: 3_000,
      spread: 'none',
      avoid: ['capped', 'roaming', 'metered'],
      // CS1 and LE: scavenger. AF11 to AF13: store and forward.
      match: [{ dscp: [8, 1, 10, 12, 14] }],
    },
  ],
};
