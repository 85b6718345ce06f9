import { z } from 'zod';
import { document } from './document.js';
import { PathName } from './primitives.js';

/** One direction of a path, as measured at the end that reports. */
export const DirectionMetrics = z.looseObject({
  /** Above the least one-way delay seen, microseconds. */
  delayVariationUs: z.number().min(0),
  jitterUs: z.number().min(0),
  /** 0 to 1 over the window of the path estimate. */
  lossRatio: z.number().min(0).max(1),
  rateBps: z.number().min(0),
  /** Since the session began. */
  packets: z.number().min(0),
  bytes: z.number().min(0),
  lost: z.number().min(0),
});
export type DirectionMetrics = z.infer<typeof DirectionMetrics>;

/** States of `PathState` in the engine; a reader shows a state that it does not know as it is. */
export const PathMetrics = z.looseObject({
  name: PathName,
  /** What carries its datagrams, as `udp`, which is meant where it is missing, or `tls`. */
  kind: z.string().min(1).max(32).optional(),
  state: z.string().min(1).max(32),
  /** Why it is in that state. */
  reason: z.string().max(200).optional(),
  rttUs: z.number().min(0),
  minRttUs: z.number().min(0),
  blocked: z.boolean().optional(),
  metered: z.boolean().optional(),
  /** The modem is in a foreign network; the data volume that the operator allows is used up. Missing: no, or not known. */
  roaming: z.boolean().optional(),
  capReached: z.boolean().optional(),
  /** Radio quality, 0 to 1; missing where it is not known, as at the gateway. */
  signal: z.number().min(0).max(1).optional(),
  /** Of a data cap, in the vehicle's frames: bytes of the period that runs, both directions, and how many they may be. */
  usedBytes: z.number().min(0).optional(),
  capBytes: z.number().min(0).optional(),
  /** From the reporting end to the other, and the other way. */
  send: DirectionMetrics,
  receive: DirectionMetrics,
});
export type PathMetrics = z.infer<typeof PathMetrics>;

export const ClassMetrics = z.looseObject({
  name: z.string().max(32),
  strategy: z.string().max(64),
  /** Names of the paths in use, best first. */
  paths: z.array(PathName),
});
export type ClassMetrics = z.infer<typeof ClassMetrics>;

/** WGS 84; from a fix of gpsd (mode 2 or 3). */
export const Position = z.looseObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  /** Metres per second over ground. */
  speedMps: z.number().min(0).optional(),
  /** Degrees clockwise from true north. */
  headingDeg: z.number().min(0).max(360).optional(),
  /** Estimated horizontal error, metres, 95 %. */
  errorM: z.number().min(0).optional(),
});
export type Position = z.infer<typeof Position>;

/** State of one end of a tunnel at one moment, once a second. */
export const MetricFrame = document('metric-frame', 1, {
  tunnel: z.looseObject({
    session: z.enum(['none', 'handshaking', 'established']),
    /** Seconds since the session stands. */
    establishedSeconds: z.number().min(0),
    /** Inner packets, since the process began. */
    packetsSent: z.number().min(0),
    packetsDelivered: z.number().min(0),
    bytesSent: z.number().min(0),
    bytesDelivered: z.number().min(0),
    copiesSent: z.number().min(0),
    replaysSent: z.number().min(0),
    /** Version of the policy in force; 0 before the first. */
    policyVersion: z.int().min(0),
  }),
  paths: z.array(PathMetrics).max(32),
  classes: z.array(ClassMetrics).max(16),
  position: Position.optional(),
  /** Of the reporting process. */
  process: z.looseObject({ rssBytes: z.number().min(0), cpuRatio: z.number().min(0) }).optional(),
});
export type MetricFrame = z.infer<typeof MetricFrame>;

/** What a class spent on each packet: mode of its plan, extra copies, and repair bytes per byte in thousandths. */
export const ClassSpending = z.looseObject({
  mode: z.string().min(1).max(16),
  copies: z.int().min(0).max(255),
  repairPermille: z.int().min(0).max(10_000),
});
export type ClassSpending = z.infer<typeof ClassSpending>;

/** One path at the moment of a decision, in the sending direction of the end that reports. 0: not measured, or not known. */
export const PathFigures = z.looseObject({
  path: PathName,
  state: z.string().min(1).max(32),
  oneWayDelayUs: z.number().min(0),
  /** Standing queue, part of the delay. */
  queueUs: z.number().min(0),
  lossRatio: z.number().min(0).max(1),
  /** Mean length of loss bursts. */
  burstPackets: z.number().min(0),
  /** What it can carry, and what arrived at the other end. */
  capacityBps: z.number().min(0),
  deliveredBps: z.number().min(0),
  /** Early warnings in force. */
  warnings: z.array(z.string().max(16)).max(8),
  /** Its place among the paths of the class, 1 is the first; 0: not among them. */
  placeBefore: z.int().min(0).max(32),
  placeAfter: z.int().min(0).max(32),
});
export type PathFigures = z.infer<typeof PathFigures>;

/** What a class felt over the stretch of time that an event tells of. */
export const ClassFelt = z.looseObject({
  spanUs: z.number().min(0),
  /** Handed over by applications; sent again; given up in the queue; waiting at the end. */
  packets: z.number().min(0),
  retransmissions: z.number().min(0),
  queueDrops: z.number().min(0),
  waiting: z.number().min(0),
  /** Handed over by applications, and what of it was sent. */
  demandBps: z.number().min(0),
  sentBps: z.number().min(0),
});
export type ClassFelt = z.infer<typeof ClassFelt>;

/** Paths that one event has figures of, at most. */
export const MAX_FIGURES = 16;

/** What happened at one end. `reason` is a sentence for people; figures stand beside it. */
export const VehicleEvent = document('event', 1, {
  type: z.enum([
    'session',
    'path-state',
    'path-added',
    'path-removed',
    'path-moved',
    'path-switch',
    'path-switch-effect',
    'protection',
    'uplink',
    'policy',
    'agent',
    'warning',
  ]),
  reason: z.string().max(500),
  path: PathName.optional(),
  /** Of a change: states, addresses or, of `path-switch` and `path-switch-effect`, path names. */
  from: z.union([z.string(), z.array(z.string())]).optional(),
  to: z.union([z.string(), z.array(z.string())]).optional(),
  trafficClass: z.string().max(32).optional(),
  /** Of `path-switch`: packets sent again on another path. */
  replayed: z.int().min(0).optional(),
  /** Of `path-switch` and `protection`: what the class spent; of `path-switch-effect` only what it spends now. */
  before: ClassSpending.optional(),
  after: ClassSpending.optional(),
  /** Of these three: the paths that the class used before or uses now. */
  figures: z.array(PathFigures).max(MAX_FIGURES).optional(),
  /** What the class was sending. */
  demandBps: z.number().min(0).optional(),
  /** Of `protection`: changes since the last such event; of `path-switch-effect`: switches that it covers. */
  changes: z.int().min(0).optional(),
  switches: z.int().min(0).optional(),
  /** Of `path-switch-effect`: since the first of these switches. */
  felt: ClassFelt.optional(),
  /** Of `policy`. */
  version: z.int().min(0).optional(),
});
export type VehicleEvent = z.infer<typeof VehicleEvent>;

/**
 * One entry of an agent's spool. Frames and events share one sequence, from 1 in each agent session, so that one
 * acknowledgement covers both.
 */
export const TelemetryRecord = z.looseObject({
  seq: z.int().min(1),
  /** The agent's monotonic clock, milliseconds; only differences within a batch count. */
  monoMs: z.number().min(0),
  frame: MetricFrame.optional(),
  event: VehicleEvent.optional(),
});
export type TelemetryRecord = z.infer<typeof TelemetryRecord>;

export const MAX_RECORDS_PER_BATCH = 120;

/**
 * On `…/telemetry`, QoS 1. The agent keeps every record until the gateway says that it is committed (`TelemetryAck`), to a
 * bound; beyond it the oldest frames go first. It sends new records at once, again from the oldest unacknowledged one after a
 * reconnect or an acknowledgement with `resend`, and the oldest batch alone when acknowledgements stay away.
 *
 * `records` are in the order of `seq`. A number that is missing between two of them, or between `previousSeq` and the
 * first, belongs to a record that is gone for good. So the gateway takes a batch when `previousSeq` is not above the last
 * record that it has, or the first record is the next one; copies in it are ignored; any other batch has a gap that can be
 * filled, and is answered with `resend`.
 * Time: a record happened (`sentMonoMs` - `monoMs`) before the batch arrived: right with any clock in the vehicle.
 */
export const TelemetryBatch = document('telemetry-batch', 1, {
  /** Counts the starts of this agent, kept on disk: tells a restart from a reconnect. */
  session: z.int().min(1),
  sentMonoMs: z.number().min(0),
  /** The record before the first one here that the agent still held when it sent this; 0 when there was none. */
  previousSeq: z.int().min(0),
  records: z.array(TelemetryRecord).min(1).max(MAX_RECORDS_PER_BATCH),
});
export type TelemetryBatch = z.infer<typeof TelemetryBatch>;

/** On `…/telemetry/ack`, QoS 0, at most every few seconds: everything to `seq` is in the database. */
export const TelemetryAck = document('telemetry-ack', 1, {
  session: z.int().min(1),
  seq: z.int().min(0),
  /** The gateway misses records after `seq`: send again from there. */
  resend: z.boolean().default(false),
});
export type TelemetryAck = z.infer<typeof TelemetryAck>;

/**
 * On `…/status`, retained, QoS 1: at every connect, when something in it changes, and every `HEARTBEAT_SECONDS`; the same with
 * `offline` is the agent's MQTT will.
 */
export const AgentStatus = document('agent-status', 1, {
  state: z.enum(['online', 'offline']),
  session: z.int().min(1),
  /** Heartbeats sent in this session. */
  beat: z.int().min(0),
  reason: z.string().max(200),
  agentVersion: z.string().max(40),
  policyInForce: z.int().min(0),
  /** Agent's guess of the time, or null while it has none it trusts. */
  clock: z.iso.datetime().nullable(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

export const HEARTBEAT_SECONDS = 30;

/** On `…/command`, QoS 1, not retained. */
export const Command = document('command', 1, {
  command: z.enum(['renew-credentials', 'rotate-keys']),
  reason: z.string().max(200),
});
export type Command = z.infer<typeof Command>;

/** On `…/policy/request`, QoS 1: sent after every connect; the gateway answers on `…/policy` when it has a newer one. */
export const PolicyRequest = document('policy-request', 1, { inForce: z.int().min(0) });
export type PolicyRequest = z.infer<typeof PolicyRequest>;
