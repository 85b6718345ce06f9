/**
 * One emulated link: a plain TUN device in the vehicle, one in the gateway, and what lies between: the operator's
 * radio in both directions (libs/sim's LinkDirection, the very class that the simulator uses) and its NAT.
 */
import { TunDevice } from '@corridor/packet-io';
import { LinkDirection, type LinkSpec, type Random } from '@corridor/sim';
import { PacketBatch } from '@corridor/tunnel';
import { Histogram } from './histogram.js';
import * as ip from './ip.js';
import { Nat } from './nat.js';

/** Packets written in one go. */
const WRITE_BATCH = 128;
/** Bytes carried are summed over this long, for the time until a restored link carries traffic again. */
export const BIN_US = 10_000;
const BINS = 1 << 15;
/** Datagrams below this are counted apart: acknowledgements and probes, as the lab's own packets are longer in a tunnel. */
export const SMALL_BYTES = 256;

export interface LinkPlan {
  readonly vehicle: number;
  readonly spec: LinkSpec;
  /** Namespace files and device names of the two ends. */
  readonly vehicleNetns: string;
  readonly gatewayNetns: string;
  readonly gatewayDevice: string;
  /** Addresses of the vehicle's device, and how the outside sees it; the same without a NAT. */
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}

/** One direction: where packets come from, the model, where they go. */
export class Lane {
  readonly out = new PacketBatch(WRITE_BATCH);
  readonly lateness = new Histogram();
  /** Bytes written in each {@link BIN_US}, a ring over absolute time. */
  readonly carried = new Float64Array(BINS);
  /** Copies of what is written, while somebody wants some. */
  captured: Uint8Array[] = [];
  captureLimit = 0;
  /** Is in the list of lanes with packets to write. */
  dirty = false;
  /** Not ours to carry: link-local chatter, wrong addresses, no mapping at the NAT. */
  strays = 0;
  inFlight = 0;
  /** Bytes offered in packets of less than {@link SMALL_BYTES}. */
  smallBytes = 0;
  private lastBin = 0;

  constructor(
    readonly up: boolean,
    readonly link: Link,
    public model: LinkDirection,
    readonly from: TunDevice,
    readonly to: TunDevice,
  ) {}

  countCarried(nowUs: number, bytes: number): void {
    const bin = Math.floor(nowUs / BIN_US);
    if (bin - this.lastBin >= BINS) this.carried.fill(0);
    else for (let old = this.lastBin + 1; old <= bin; old++) this.carried[old % BINS] = 0;
    this.lastBin = bin;
    this.carried[bin % BINS] += bytes;
  }

  /** Bytes carried in each bin from `fromUs` to `toUs`; bins that are older than the ring read 0. */
  carriedBetween(fromUs: number, toUs: number): number[] {
    const bins: number[] = [];
    for (let bin = Math.floor(fromUs / BIN_US); bin < Math.floor(toUs / BIN_US); bin++) {
      bins.push(bin <= this.lastBin && bin > this.lastBin - BINS ? this.carried[bin % BINS] : 0);
    }
    return bins;
  }
}

export class Link {
  readonly vehicle: number;
  readonly name: string;
  readonly up: Lane;
  readonly down: Lane;
  /** When traces and rate profiles of this link began, CLOCK_MONOTONIC. */
  originUs: number;
  /** NAT of each IP version; undefined when the vehicle's address is seen outside as it is. */
  private readonly nats: readonly Nat[];
  private addresses: readonly Uint8Array[];

  constructor(
    private readonly plan: LinkPlan,
    private readonly random: Random,
    nowUs: number,
  ) {
    this.vehicle = plan.vehicle;
    this.name = plan.spec.name;
    this.originUs = nowUs;
    this.addresses = plan.inside.map(ip.parseAddress);
    this.nats = plan.spec.nat === undefined ? [] : plan.outside.map((text) => makeNat(text, plan.spec));
    const device = (name: string, netns: string) => TunDevice.open({ name, mtu: 1500, offload: false, netns });
    const atVehicle = device(plan.spec.name, plan.vehicleNetns);
    const atGateway = device(plan.gatewayDevice, plan.gatewayNetns);
    this.up = new Lane(true, this, this.model('up', nowUs), atVehicle, atGateway);
    this.down = new Lane(false, this, this.model('down', nowUs), atGateway, atVehicle);
  }

  /**
   * Both directions are as at the very start: empty, the same luck from its beginning, traces and rate profiles from
   * theirs, counters at 0. What is in flight still arrives.
   */
  restart(nowUs: number): void {
    this.originUs = nowUs;
    this.up.model = this.model('up', nowUs);
    this.down.model = this.model('down', nowUs);
    this.up.smallBytes = 0;
    this.down.smallBytes = 0;
  }

  private model(direction: 'up' | 'down', nowUs: number): LinkDirection {
    return new LinkDirection(this.plan.spec[direction], this.random.fork(direction), nowUs);
  }

  /** The vehicle's device has these addresses from now on; all others are strangers to the operator. */
  setAddresses(addresses: readonly string[]): void {
    this.addresses = addresses.map(ip.parseAddress);
  }

  rebindNat(): void {
    for (const nat of this.nats) nat.rebind();
  }

  /** An operator carries only what comes from, or goes to, the address that it gave. */
  belongs(slab: Uint8Array, at: number, length: number, fromVehicle: boolean): boolean {
    const version = ip.ipVersion(slab, at, length);
    if (version === 0) return false;
    const size = ip.addressBytes(version);
    const where = fromVehicle ? ip.sourceOffset(at, version) : ip.targetOffset(at, version);
    for (let i = 0; i < this.addresses.length; i++) {
      if (this.addresses[i].length === size && ip.sameBytes(slab, where, this.addresses[i], size)) return true;
    }
    return false;
  }

  translateOut(slab: Uint8Array, at: number, length: number, nowUs: number): boolean {
    const nat = this.natFor(slab, at);
    return nat === undefined || nat.outbound(slab, at, length, nowUs);
  }

  translateIn(slab: Uint8Array, at: number, length: number, nowUs: number): boolean {
    const nat = this.natFor(slab, at);
    return nat === undefined || nat.inbound(slab, at, length, nowUs);
  }

  close(): void {
    this.up.from.close();
    this.up.to.close();
  }

  private natFor(slab: Uint8Array, at: number): Nat | undefined {
    for (let i = 0; i < this.nats.length; i++) if (this.nats[i].version === slab[at] >> 4) return this.nats[i];
    return undefined;
  }
}

function makeNat(publicAddress: string, spec: LinkSpec): Nat {
  const address = ip.parseAddress(publicAddress);
  return new Nat(address.length === 4 ? 4 : 6, address, spec.nat?.mappingLifetimeUs);
}
