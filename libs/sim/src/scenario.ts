/**
 * Scenarios as data: what links there are, what traffic runs, what goes wrong when, and what came of it. The simulator
 * runs them on a virtual clock, the lab runs the very same data on real packets, and both answer {@link ScenarioResult}.
 *
 * All times are microseconds since the start of the run, all rates bits per second, all ratios 0 to 1. A scenario is
 * plain JSON.
 */
import type { EngineEvent, TunnelPolicy } from '@corridor/tunnel';

export interface Scenario {
  /** Lower case letters, digits and dashes. */
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly durationUs: number;
  /** Number of vehicles, all on one gateway. */
  readonly vehicles: number;
  /** Links of every vehicle... */
  readonly links: readonly LinkSpec[];
  /** ...unless the vehicle has its own set here, by its number from 0. */
  readonly linksOfVehicle?: readonly (readonly LinkSpec[])[];
  /** Runs between each vehicle and the hospital behind the gateway. */
  readonly traffic: readonly TrafficSpec[];
  /** Policy of every vehicle at the start. */
  readonly policy: TunnelPolicy;
  /** What happens on the way, in order of time. */
  readonly steps: readonly ScenarioStep[];
  /** Address family of the links. Default 4. */
  readonly outsideFamily?: 4 | 6;
}

/** One uplink of a vehicle, from its modem to the gateway. */
export interface LinkSpec {
  /** Device name, such as `w0`. */
  readonly name: string;
  /** Vehicle to gateway. */
  readonly up: DirectionSpec;
  /** Gateway to vehicle. */
  readonly down: DirectionSpec;
  /** The link goes through a NAT. */
  readonly nat?: NatSpec;
  /** The operator's order, 1 is preferred. Default 1. */
  readonly priority?: number;
  /** Default false. */
  readonly metered?: boolean;
}

export interface NatSpec {
  /** A mapping without outbound packets for this long is forgotten. Default: never. */
  readonly mappingLifetimeUs?: number;
}

/** One direction of a link; `LinkDirection` is the model. */
export interface DirectionSpec {
  /** Constant rate. At most one of `rateBps`, `rateProfile` and `traceMs` is given; none: no limit. */
  readonly rateBps?: number;
  /** Rate that changes with time. */
  readonly rateProfile?: RateProfile;
  /** Delivery opportunities of 1,500 bytes each, milliseconds, ascending, repeated from the last one on (mahimahi). */
  readonly traceMs?: readonly number[];
  /** Propagation delay, one way. */
  readonly delayUs: number;
  /** Extra delay, uniform from 0 to this, that never reorders. Default 0. */
  readonly jitterUs?: number;
  /** Share of packets lost at random, each on its own. Default 0. */
  readonly lossRatio?: number;
  /** Loss in bursts, on top of `lossRatio`. Default: none. */
  readonly burst?: BurstLossSpec;
  /** Bytes that may wait for the rate before packets are dropped. Default 262,144. */
  readonly queueBytes?: number;
  /**
   * A black hole for what is longer: IP packets of more bytes than this vanish without a word. Counts the whole packet on
   * the link, IP and UDP headers included (also in the simulator, whose other byte counts leave them out). Default: none.
   */
  readonly mtuBytes?: number;
  /** Share of packets held back 1 to 10 ms so that later ones overtake them. Default 0. */
  readonly reorderRatio?: number;
  /** Share of packets that arrive twice, the second up to 1 ms later. Default 0. */
  readonly duplicateRatio?: number;
}

/** Rates that hold for `stepUs` each, repeated from the end; 0 is allowed: what waits then goes on waiting. */
export interface RateProfile {
  readonly stepUs: number;
  readonly bps: readonly number[];
}

/** Gilbert-Elliott: two states, stepped once a packet; the mean burst is 1 / leaveRatio packets long. */
export interface BurstLossSpec {
  /** Chance of a packet to start a burst. */
  readonly enterRatio: number;
  /** Chance of a packet to end it. */
  readonly leaveRatio: number;
  /** Loss within a burst. */
  readonly lossRatio: number;
}

/** Live changes of a direction; `null` takes a limit away. A new `rateBps`, `rateProfile` or `traceMs` replaces the old. */
export type DirectionChange = {
  readonly [Key in keyof DirectionSpec]?: DirectionSpec[Key] | (Key extends 'delayUs' ? never : null);
};

export type TrafficKind = 'vitals' | 'video' | 'udp' | 'tcp';
export type TcpCongestion = 'cubic' | 'bbr';

export interface TrafficSpec {
  readonly kind: TrafficKind;
  /** `up`: from the vehicle to the hospital. */
  readonly direction: 'up' | 'down';
  /** Bytes of the whole IP packet (`tcp`: not used, the stack decides). */
  readonly bytes: number;
  /** One of these two, not both, not for `tcp`; counts whole IP packets, spread evenly. */
  readonly rateBps?: number;
  readonly packetsPerSecond?: number;
  /** Differentiated services code point, 0 to 63. Default 0. */
  readonly dscp?: number;
  /** `tcp`: congestion control of the sender. Default `cubic`. */
  readonly congestion?: TcpCongestion;
  /** `tcp`: both ends negotiate ECN (RFC 3168). Default false, as Linux asks for it only when told to. */
  readonly ecn?: boolean;
  /** Default {@link TRAFFIC_START_US}. */
  readonly startUs?: number;
  /** Default: {@link TRAFFIC_TAIL_US} before the end of the run. */
  readonly stopUs?: number;
}

/** Time for the sessions to come up before traffic starts. */
export const TRAFFIC_START_US = 2_000_000;
/** Time for the last packets to arrive. */
export const TRAFFIC_TAIL_US = 1_000_000;

interface StepBase {
  readonly atUs: number;
  /** Number of the vehicle from 0. Default: every vehicle. */
  readonly vehicle?: number;
}

export type StepDirection = 'up' | 'down' | 'both';

export type ScenarioStep =
  /** Packets vanish in silence while the interface stays up; those already on the way arrive. Default both ways. */
  | (StepBase & { readonly action: 'blackout' | 'restore'; readonly link: string; readonly direction?: StepDirection })
  /** The NAT gives the next outbound packet a new port and drops what comes for the old one. */
  | (StepBase & { readonly action: 'rebind-nat'; readonly link: string })
  /** The uplink gets another address; packets to and from the old one vanish. The host notices at once. */
  | (StepBase & { readonly action: 'change-address'; readonly link: string })
  | (StepBase & {
      readonly action: 'set';
      readonly link: string;
      readonly direction?: StepDirection;
      readonly set: DirectionChange;
    })
  /** The vehicle's operator switches the policy at run time. */
  | (StepBase & { readonly action: 'policy'; readonly policy: TunnelPolicy })
  /**
   * The gateway process is killed, and a new one with the same key answers `downUs` later. A real process takes
   * 0.4 s to start on a quiet machine, a second on a busy one: the lab cannot be quicker.
   */
  | { readonly atUs: number; readonly action: 'restart-gateway'; readonly downUs: number };

/** What the receiver of one flow of one vehicle felt. */
export interface FlowResult {
  readonly vehicle: number;
  /** `kind` and direction, such as `vitals up`; a number behind it where a scenario has several alike. */
  readonly flow: string;
  readonly kind: TrafficKind;
  readonly direction: 'up' | 'down';
  readonly sent: number;
  /** Different packets that arrived. */
  readonly received: number;
  readonly lost: number;
  /** Packets that the application got twice or more. */
  readonly duplicates: number;
  /** Longest time between two arrivals of different packets, from the first arrival to the end of the flow. */
  readonly longestGapUs: number;
  /** When the longest gap began. */
  readonly longestGapAtUs: number;
  readonly delayP50Us: number;
  readonly delayP95Us: number;
  readonly delayP99Us: number;
  readonly delayMaxUs: number;
  /** `tcp` only: bytes that the application got in order while the flow ran, and their rate (goodput). */
  readonly bytes?: number;
  readonly rateBps?: number;
  /** `tcp` in the simulator only. There `sent` and `received` count segments, `lost` those sent again. */
  readonly tcp?: TcpDetail;
}

/** What a simulated TCP went through. */
export interface TcpDetail {
  /** Segments sent again, and those of them that had not been lost (their receiver said so: DSACK, RFC 2883). */
  readonly retransmitted: number;
  readonly spurious: number;
  /** Times at which the sender reduced its window for loss, and for congestion marks. */
  readonly recoveries: number;
  readonly congestionMarks: number;
  readonly timeouts: number;
  readonly mss: number;
  /** Round trips as the sender measured them: smallest, and median over the segments. */
  readonly minRttUs: number;
  readonly rttP50Us: number;
  /** Bytes given to the application in each {@link TCP_SERIES_STEP_US} from the start of the flow. */
  readonly seriesBytes: readonly number[];
}

/** Step of {@link TcpDetail.seriesBytes}. */
export const TCP_SERIES_STEP_US = 100_000;

/** Goodput of a simulated TCP between two times since the start of its flow, bits per second. */
export function goodputBps(detail: TcpDetail, fromUs: number, toUs: number): number {
  const first = Math.max(0, Math.round(fromUs / TCP_SERIES_STEP_US));
  const end = Math.min(detail.seriesBytes.length, Math.round(toUs / TCP_SERIES_STEP_US));
  if (end <= first) throw new RangeError('at least one step of the series was expected');
  let bytes = 0;
  for (let step = first; step < end; step++) bytes += detail.seriesBytes[step];
  return (bytes * 8e6) / ((end - first) * TCP_SERIES_STEP_US);
}

/** Bytes and packets on one link of one vehicle, outer datagrams without IP and UDP headers. */
export interface LinkResult {
  readonly vehicle: number;
  readonly link: string;
  readonly up: LinkDirectionResult;
  readonly down: LinkDirectionResult;
}

export interface LinkDirectionResult {
  readonly offeredPackets: number;
  readonly offeredBytes: number;
  readonly deliveredPackets: number;
  readonly deliveredBytes: number;
  readonly lostPackets: number;
  readonly queueDrops: number;
  /** Longer than the link's `mtuBytes`. */
  readonly tooLongDrops: number;
  readonly blackoutDrops: number;
}

/** An event of an engine; `by` is the end that reported it: `gateway` or the vehicle's name (`vehicle-0`). */
export interface ReportedEvent {
  readonly by: string;
  readonly event: EngineEvent;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly flows: readonly FlowResult[];
  readonly links: readonly LinkResult[];
  /** Events of type `path-switch`, in order of time. */
  readonly switches: readonly ReportedEvent[];
  /** Every other event: path states, sessions, moves, policies. */
  readonly timeline: readonly ReportedEvent[];
}

/** Name of a vehicle in results and configurations. */
export function vehicleName(vehicle: number): string {
  return `vehicle-${vehicle}`;
}

/** Links of one vehicle of a scenario. */
export function linksOf(scenario: Scenario, vehicle: number): readonly LinkSpec[] {
  return scenario.linksOfVehicle?.[vehicle] ?? scenario.links;
}

/** First and last moment of a flow, microseconds. */
export function trafficWindow(scenario: Scenario, traffic: TrafficSpec): { startUs: number; stopUs: number } {
  return {
    startUs: traffic.startUs ?? TRAFFIC_START_US,
    stopUs: traffic.stopUs ?? scenario.durationUs - TRAFFIC_TAIL_US,
  };
}

/** Time between two packets of a flow that is not TCP, microseconds. */
export function trafficIntervalUs(traffic: TrafficSpec): number {
  if (traffic.packetsPerSecond !== undefined) return 1e6 / traffic.packetsPerSecond;
  if (traffic.rateBps !== undefined) return (traffic.bytes * 8e6) / traffic.rateBps;
  throw new RangeError(`traffic ${traffic.kind} ${traffic.direction} has neither packetsPerSecond nor rateBps`);
}

/** Names of the flows of a scenario, in the order of its traffic: `video up`, and a number for repeated ones. */
export function flowNames(scenario: Scenario): string[] {
  const seen = new Map<string, number>();
  return scenario.traffic.map((traffic) => {
    const name = `${traffic.kind} ${traffic.direction}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}
