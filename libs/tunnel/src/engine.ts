/**
 * The face of the engine: what a host (tunnel-host, or the simulator) may do with it.
 *
 * Driving contract. An engine does no I/O and reads no clock. Every *mutation* (a method that takes `nowUs`) must be
 * followed by {@link Engine.drain} before the next one; time never goes back; and after a drain the host calls
 * {@link Engine.tick} no later than {@link Engine.nextDeadlineUs}. Breaking the first two throws
 * {@link EngineMisuseError}.
 */
import type { Plan, StrategyFactory } from '@corridor/strategy';
import type { AddressRecord, DatagramBatch, DatagramOutbox, PacketBatch } from './batch.js';
import type { EngineEvent } from './events.js';
import type { TunnelPolicy } from './policy.js';
import type { CipherId, EnginePrimitives } from './primitives.js';
import type { PeerStatus } from './status.js';

/** Where drained output goes. All batches are valid only during the call. */
export interface Sink {
  /** Sealed datagrams to send, in order. */
  datagrams(outbox: DatagramOutbox): void;
  /** Inner packets for the TUN device; offsets point into {@link Engine.receiveSlab}. */
  packets(batch: PacketBatch): void;
  event(event: EngineEvent): void;
}

export interface Engine {
  /** Slab from which inner packets are sent: fill free slots from {@link lendSlots}, then {@link sendPackets}. */
  readonly sendSlab: Uint8Array;
  /** Slab in which opened packets lie. */
  readonly receiveSlab: Uint8Array;

  /**
   * Fills `batch.offset[0..n)` with free packet positions of {@link sendSlab} and answers n (at most the batch's
   * capacity, at least 1: when every slot is held for replay, the oldest are given up and counted). Not a mutation:
   * slots that are not handed back by {@link sendPackets} stay free.
   */
  lendSlots(batch: PacketBatch): number;

  /** Takes `batch.count` inner packets that lie in lent slots and sends each as its class's plan says. Mutation. */
  sendPackets(batch: PacketBatch, nowUs: number): void;
  /** Takes datagrams from the network. The engine never keeps a reference into `batch`. Mutation. */
  receiveDatagrams(batch: DatagramBatch, nowUs: number): void;
  /** Lets due timers fire. Harmless when none is due. Mutation. */
  tick(nowUs: number): void;
  /** Hands out everything that waits: datagrams, then packets, then events. */
  drain(sink: Sink): void;
  /** Time of the next due timer, microseconds; Infinity when there is none. */
  nextDeadlineUs(): number;

  /**
   * Status of every peer, or of `count` of them from the `from`th on, freshly built (slow path): a gateway of a thousand
   * vehicles asks for some at a time, so that no packet waits for all.
   */
  status(nowUs: number, from?: number, count?: number): PeerStatus[];
  /**
   * Datagrams that were dropped without belonging to a peer, by reason: the names of `HandshakeRefusal`, and
   * `unknown-receiver` for transport datagrams that name no session. Reasons that never occurred are missing.
   */
  readonly refusals: ReadonlyMap<string, number>;
  /** Says goodbye to every peer (CLOSE frames are in the outbox after it). Mutation. */
  close(nowUs: number): void;
}

/** An uplink as the vehicle's host sees it. One uplink is one path. */
export interface UplinkState {
  /** Stable name, such as the device name; the path keeps its id as long as the name is known. */
  readonly name: string;
  /** Socket bound to that device. A changed number means that the host opened a new one: the path heals over it. */
  readonly socket: number;
  /** Gateway addresses to reach through this uplink, best first (both families where the uplink has them). */
  readonly remotes: readonly AddressRecord[];
  readonly priority: number;
  readonly metered: boolean;
  /** As far as they are known when it is stated; see {@link VehicleEngine.setUplinkConditions}. */
  readonly conditions?: UplinkConditions;
}

/** What changes about an uplink while it goes on working, and what classes may avoid. */
export interface UplinkConditions {
  /** The modem is in a foreign network. */
  readonly roaming: boolean;
  /** The data volume that the operator allows on it is used up. */
  readonly capReached: boolean;
  /** Radio quality, 0 (about to be lost) to 1 (as good as it gets); undefined where it is not known. */
  readonly signal: number | undefined;
}

export interface VehicleEngine extends Engine {
  /**
   * States the uplinks that exist now; the engine works out what appeared, changed and went. Call it also when an
   * uplink only changed its address: `changed` names those, their paths are probed and their tails replayed at once.
   * Mutation.
   */
  setUplinks(uplinks: readonly UplinkState[], changed: readonly string[], nowUs: number): void;
  /**
   * States what an uplink is like now; unknown names are ignored. Cheap, also every few seconds: the gateway hears of it
   * only when `roaming` or `capReached` changed. Mutation.
   */
  setUplinkConditions(name: string, conditions: UplinkConditions, nowUs: number): void;
  /** Switches the policy here and, by a reliable message in the tunnel, at the gateway. Mutation. @throws PolicyError */
  setPolicy(policy: TunnelPolicy, nowUs: number): void;
  /**
   * Drill: takes a path out of use (no datagram is sent on it, arriving ones are ignored) or puts it back, also while its uplink
   * is away. Mutation.
   */
  setPathBlocked(name: string, blocked: boolean, nowUs: number): void;
}

export interface GatewayVehicle {
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** While the vehicle rotates its key: a handshake with either leads to the same peer. */
  readonly nextPublicKey?: Uint8Array;
  /** Inner prefixes that belong to the vehicle ("10.77.0.2/32"): routed to it, and the only sources accepted from it. */
  readonly addresses: readonly string[];
}

export interface GatewayEngine extends Engine {
  /**
   * Adds a vehicle or replaces the one of that name. A session that stands on a key which is good no more ends at once;
   * one on a key that stays goes on. Mutation.
   */
  addVehicle(vehicle: GatewayVehicle, nowUs: number): void;
  /** Ends its session at once and forgets it. Mutation. */
  removeVehicle(name: string, nowUs: number): void;
  /** Policy for what is sent to vehicles that have not announced theirs yet. Mutation. */
  setDefaultPolicy(policy: TunnelPolicy, nowUs: number): void;
  /** Drill: stops sending on a vehicle's path and ignores what arrives on it, or ends that, also while it is gone. Mutation. */
  setPathBlocked(vehicle: string, path: string, blocked: boolean, nowUs: number): void;
}

export interface EngineOptions {
  readonly primitives: EnginePrimitives;
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Ciphers this end is willing to use, fastest first. */
  readonly ciphers: readonly CipherId[];
  /** Strategies that policies may name. */
  readonly strategies: readonly StrategyFactory[];
  readonly policy: TunnelPolicy;
  /** Slots of the send slab: packets that can be held unacknowledged. Power of two. Default 8192 (16 MB). */
  readonly sendSlots?: number;
  /** Largest inner packet (the TUN's MTU), bytes. */
  readonly mtu: number;
}

export interface VehicleEngineOptions extends EngineOptions {
  /** X25519 public key of the gateway. */
  readonly gatewayPublicKey: Uint8Array;
}

/** An engine was driven against its contract: a bug of the host, never of the network. */
export class EngineMisuseError extends Error {
  override readonly name = 'EngineMisuseError';
  constructor(
    readonly code: 'ERR_NOT_DRAINED' | 'ERR_TIME_WENT_BACK' | 'ERR_BAD_BATCH' | 'ERR_CLOSED',
    message: string,
  ) {
    super(message);
  }
}

export type { Plan };
