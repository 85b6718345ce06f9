import type { ClassMetrics, DirectionMetrics, MetricFrame, PathMetrics, Position } from '@corridor/contracts';
import { ratio, whole } from './numbers.js';

/** One direction of a path as the engine's status has it. */
export interface DirectionLike {
  readonly delayVariationUs: number;
  readonly jitterUs: number;
  readonly lossRatio: number;
  readonly rateBps: number;
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
}

export interface PathLike {
  readonly id: number;
  readonly name: string;
  readonly kind?: 'udp' | 'tls';
  readonly state: string;
  readonly reason: string;
  readonly blocked: boolean;
  readonly metered: boolean;
  readonly roaming?: boolean;
  readonly capReached?: boolean;
  readonly signal?: number;
  readonly rttUs: number;
  readonly minRttUs: number;
  readonly send: DirectionLike;
  readonly receive: DirectionLike;
}

/**
 * What a frame is made of: the tunnel's `PeerStatus` has this shape. It is described here once more because this room
 * stands beside the tunnel, not above it.
 */
export interface PeerLike {
  readonly session: 'none' | 'handshaking' | 'established';
  /** Microseconds of the engine's clock; 0 without a session. */
  readonly establishedAtUs: number;
  readonly policyVersion: number;
  readonly paths: readonly PathLike[];
  readonly classes: readonly { readonly name: string; readonly strategy: string; readonly paths: readonly string[] }[];
  readonly counters: {
    readonly packetsSent: number;
    readonly packetsDelivered: number;
    readonly bytesSent: number;
    readonly bytesDelivered: number;
    readonly copiesSent: number;
    readonly replaysSent: number;
  };
}

export interface FrameExtras {
  readonly position?: Position | undefined;
  readonly process?: { readonly rssBytes: number; readonly cpuRatio: number } | undefined;
  /** The host's uplinks, of which those with a data cap have figures of it. */
  readonly uplinks?: readonly UplinkLike[];
}

export interface UplinkLike {
  readonly name: string;
  readonly usedBytes?: number;
  readonly capBytes?: number;
}

const MOST_PATHS = 32;
const MOST_CLASSES = 16;

/**
 * The metric frame of one end of a tunnel. Figures are rounded to what they are good for (a frame is sent each second over
 * radio): whole microseconds, packets, bytes and bits per second, four places of a ratio.
 *
 * @param peer the tunnel to the other end
 * @param atUs the engine's clock when `peer` was taken, microseconds
 */
export function frameOf(
  peer: PeerLike,
  atUs: number,
  { position, process: figures, uplinks = [] }: FrameExtras = {},
): MetricFrame {
  const { counters } = peer;
  const standsUs = peer.session === 'established' ? Math.max(0, atUs - peer.establishedAtUs) : 0;
  return {
    kind: 'metric-frame',
    v: 1,
    tunnel: {
      session: peer.session,
      establishedSeconds: Math.round(standsUs / 1e5) / 10,
      packetsSent: counters.packetsSent,
      packetsDelivered: counters.packetsDelivered,
      bytesSent: counters.bytesSent,
      bytesDelivered: counters.bytesDelivered,
      copiesSent: counters.copiesSent,
      replaysSent: counters.replaysSent,
      policyVersion: peer.policyVersion,
    },
    paths: peer.paths.slice(0, MOST_PATHS).map((path) => pathMetrics(path, uplinks)),
    classes: peer.classes.slice(0, MOST_CLASSES).map(classMetrics),
    ...(position === undefined ? {} : { position }),
    ...(figures === undefined
      ? {}
      : { process: { rssBytes: whole(figures.rssBytes), cpuRatio: ratio(figures.cpuRatio, Number.MAX_SAFE_INTEGER) } }),
  };
}

function pathMetrics(path: PathLike, uplinks: readonly UplinkLike[]): PathMetrics {
  const uplink = uplinks.find(({ name }) => name === path.name.replace(/\/tls$/, ''));
  return {
    name: linkName(path.name, `path-${path.id}`),
    ...(path.kind === 'tls' ? { kind: path.kind } : {}),
    state: path.state,
    reason: path.reason.slice(0, 200),
    rttUs: whole(path.rttUs),
    minRttUs: whole(path.minRttUs),
    blocked: path.blocked,
    metered: path.metered,
    ...conditions(path, uplink),
    send: directionMetrics(path.send),
    receive: directionMetrics(path.receive),
  };
}

/** Only what there is to say: most paths have none of it, and a frame is sent each second. */
function conditions({ roaming, capReached, signal }: PathLike, uplink: UplinkLike | undefined): Partial<PathMetrics> {
  const { usedBytes, capBytes } = uplink ?? {};
  return {
    ...(roaming === true ? { roaming } : {}),
    ...(capReached === true ? { capReached } : {}),
    ...(signal === undefined ? {} : { signal: ratio(signal, 1) }),
    ...(usedBytes === undefined || capBytes === undefined
      ? {}
      : { usedBytes: whole(usedBytes), capBytes: whole(capBytes) }),
  };
}

function directionMetrics(direction: DirectionLike): DirectionMetrics {
  return {
    delayVariationUs: whole(direction.delayVariationUs),
    jitterUs: whole(direction.jitterUs),
    lossRatio: ratio(direction.lossRatio, 1),
    rateBps: whole(direction.rateBps),
    packets: whole(direction.packets),
    bytes: whole(direction.bytes),
    lost: whole(direction.lost),
  };
}

function classMetrics({ name, strategy, paths }: PeerLike['classes'][number]): ClassMetrics {
  return {
    name: name.slice(0, 32),
    strategy: strategy.slice(0, 64),
    paths: paths.map((path) => linkName(path, 'unnamed')),
  };
}

/** The other end names its paths: what is no name of a path must not make the whole frame invalid. */
export function linkName(name: string, otherwise: string): string {
  return /^[^\s/]{1,15}(\/tls)?$/.test(name) ? name : otherwise;
}
