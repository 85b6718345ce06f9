/** One uplink in the simulated network: two directions, a NAT if it has one, and its public address. */
import { type Family, uplinkHost } from './addresses.js';
import {
  BLACKOUT_DROPS,
  DELIVERED_BYTES,
  DELIVERED_PACKETS,
  LinkDirection,
  LOSSES,
  OFFERED_BYTES,
  OFFERED_PACKETS,
  QUEUE_DROPS,
  TOO_LONG_DROPS,
} from './link-direction.js';
import { NatModel } from './nat.js';
import type { Random } from './random.js';
import type { DirectionChange, LinkDirectionResult, LinkResult, LinkSpec, StepDirection } from './scenario.js';

/** Source port of the uplink's socket where no NAT changes it. */
const SOCKET_PORT = 51_820;
/** IP and UDP headers around a datagram. */
const HEADER_BYTES = { 4: 28, 6: 48 } as const;

export class SimLink {
  readonly up: LinkDirection;
  readonly down: LinkDirection;
  /** Public host of now; packets for an earlier one vanish. */
  host: number;
  /** The modem is there. */
  plugged = true;
  private readonly nat: NatModel | undefined;
  /** Counts the addresses that the operator gave, and the one of them that the vehicle's device has. */
  private given = 0;
  private taken = 0;

  constructor(
    readonly spec: LinkSpec,
    readonly vehicle: number,
    readonly index: number,
    random: Random,
    family: Family,
  ) {
    const direction = (way: 'up' | 'down') =>
      new LinkDirection(spec[way], random.fork(`${vehicle}/${spec.name}/${way}`), 0, HEADER_BYTES[family]);
    this.up = direction('up');
    this.down = direction('down');
    this.host = uplinkHost(vehicle, index, 0);
    if (spec.nat !== undefined) this.nat = new NatModel(spec.nat.mappingLifetimeUs ?? Number.POSITIVE_INFINITY);
  }

  // An operator carries only what comes from, or goes to, the address that it gave. Its NAT stands behind the radio: what
  // is on the way up is translated when it has come through, what goes down before it enters.

  /** Whether a packet that the vehicle sends now is carried; answers what {@link publicPort} wants, or -1. */
  sendable(): number {
    return this.plugged && this.taken === this.given ? this.taken : -1;
  }

  /** Port under which a packet from the vehicle's address `inside` leaves the operator's network now. */
  publicPort(nowUs: number, inside: number): number {
    return this.nat?.outbound(nowUs, inside) ?? SOCKET_PORT;
  }

  /** The vehicle's address that a packet to a public endpoint belongs to now, or -1: dropped. */
  insideOf(nowUs: number, host: number, port: number): number {
    if (host !== this.host) return -1;
    if (this.nat !== undefined) return this.nat.inbound(nowUs, port);
    return port === SOCKET_PORT ? this.given : -1;
  }

  /** Whether a packet for the vehicle's address `inside` that comes through now finds it there. */
  accepts(inside: number): boolean {
    return this.plugged && inside === this.given && inside === this.taken;
  }

  /** @throws RangeError when the link has no NAT: the scenario is wrong. */
  rebindNat(): void {
    if (this.nat === undefined) throw new RangeError(`link ${this.spec.name} has no NAT to rebind`);
    this.nat.rebind();
  }

  /** The operator forgets the address that it gave; nothing passes until {@link takeAddress}. */
  changeAddress(): void {
    this.given++;
    this.host = uplinkHost(this.vehicle, this.index, this.given);
    this.nat?.rebind();
  }

  /** The vehicle's device has the new address. */
  takeAddress(): void {
    this.taken = this.given;
  }

  setBlackout(blackout: boolean, direction: StepDirection = 'both'): void {
    if (direction !== 'down') this.up.blackout = blackout;
    if (direction !== 'up') this.down.blackout = blackout;
  }

  change(change: DirectionChange, direction: StepDirection = 'both'): void {
    if (direction !== 'down') this.up.set(change);
    if (direction !== 'up') this.down.set(change);
  }

  result(): LinkResult {
    return {
      vehicle: this.vehicle,
      link: this.spec.name,
      up: directionResult(this.up),
      down: directionResult(this.down),
    };
  }
}

function directionResult({ counters }: LinkDirection): LinkDirectionResult {
  return {
    offeredPackets: counters[OFFERED_PACKETS],
    offeredBytes: counters[OFFERED_BYTES],
    deliveredPackets: counters[DELIVERED_PACKETS],
    deliveredBytes: counters[DELIVERED_BYTES],
    lostPackets: counters[LOSSES],
    queueDrops: counters[QUEUE_DROPS],
    tooLongDrops: counters[TOO_LONG_DROPS],
    blackoutDrops: counters[BLACKOUT_DROPS],
  };
}
