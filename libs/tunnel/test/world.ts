/** A vehicle and a gateway over links with fixed delays, on a virtual clock: small enough to be seen through. */
import { builtInStrategies, type StrategyFactory } from '@corridor/strategy';
import { addressRecord } from '../src/address.js';
import { ADDRESS_BYTES, type AddressRecord, DatagramBatch, type DatagramOutbox, PacketBatch } from '../src/batch.js';
import type { Engine, GatewayEngine, Sink, UplinkState, VehicleEngine } from '../src/engine.js';
import type { EngineEvent } from '../src/events.js';
import { createGatewayEngine } from '../src/gateway-engine.js';
import type { TunnelPolicy } from '../src/policy.js';
import { CIPHER_AES_256_GCM, type RouteTable } from '../src/primitives.js';
import { createVehicleEngine } from '../src/vehicle-engine.js';
import { ChecksumAead } from './checksum-aead.js';
import { seededRandom, testPrimitives } from './node-primitives.js';

export const MS = 1_000;
export const SECOND = 1_000_000;
export const policyOf = (strategy: string, version = 1): TunnelPolicy => ({
  version,
  default: { strategy },
  classes: [],
});

/** In the seventh byte of an IPv4 header. */
export const DONT_FRAGMENT = 0x40;

export interface Link {
  readonly name: string;
  upUs: number;
  downUs: number;
  /** Bits a second that it carries, Infinity for any number; what comes faster waits in front of it. */
  upBps: number;
  downBps: number;
  /** Until then what waits is on its way. */
  upBusyUs: number;
  downBusyUs: number;
  upDead: boolean;
  downDead: boolean;
  /** Port that the NAT in front of this link shows. */
  natPort: number;
  upBytes: number;
  downBytes: number;
}

/** One packet as its receiver saw it. */
export interface Arrival {
  readonly atUs: number;
  readonly number: number;
}

class Routes implements RouteTable {
  readonly entries = new Map<number, { socket: number; address: AddressRecord }>();
  set(route: number, socket: number, address: AddressRecord): void {
    this.entries.set(route, { socket, address: address.slice(0, ADDRESS_BYTES) });
  }
  delete(route: number): void {
    this.entries.delete(route);
  }
}

export class Host<E extends Engine> implements Sink {
  readonly routes = new Routes();
  readonly aead = new ChecksumAead();
  readonly events: EngineEvent[] = [];
  readonly arrivals: Arrival[] = [];
  readonly primitives;
  engine!: E;
  /** The process is gone: nothing reaches the engine any more. */
  stopped = false;
  /** The process gets no CPU until then: datagrams wait in its sockets, timers fire late. */
  stalledUntilUs = 0;
  onDatagram: (socket: number, to: AddressRecord, bytes: Uint8Array) => void = () => {};
  private readonly batch = new PacketBatch(16);
  private readonly incoming = new DatagramBatch(1, new Uint8Array(0));
  private number = 0;

  constructor(
    readonly world: World,
    seed: string,
  ) {
    const { aead, routes } = this;
    this.primitives = { aead, routes, handshake: testPrimitives, random: seededRandom(seed) };
  }

  mutate(change: (engine: E, nowUs: number) => void): void {
    if (this.stopped) return;
    change(this.engine, this.world.nowUs);
    this.engine.drain(this);
  }

  receive(socket: number, from: AddressRecord, bytes: Uint8Array): void {
    if (this.world.nowUs < this.stalledUntilUs) {
      this.world.after(this.stalledUntilUs - this.world.nowUs, () => this.receive(socket, from, bytes));
      return;
    }
    const { incoming } = this;
    incoming.bytes = bytes;
    incoming.count = 1;
    incoming.length[0] = bytes.length;
    incoming.socket[0] = socket;
    incoming.receivedAtUs[0] = this.world.nowUs;
    incoming.address.set(from);
    this.mutate((engine, nowUs) => engine.receiveDatagrams(incoming, nowUs));
  }

  /** When the engine wants to be called, as far as the process gets to it. */
  wakeUs(): number {
    return Math.max(this.engine.nextDeadlineUs(), this.stalledUntilUs);
  }

  /** Sends `count` packets of `bytes` each from `source` to `destination`, numbered in their payload. */
  send(source: number[], destination: number[], bytes = 200, count = 1, flags = DONT_FRAGMENT): void {
    const { batch, engine } = this;
    for (let left = count; left > 0; left -= batch.count) {
      batch.count = Math.min(left, engine.lendSlots(batch));
      for (let i = 0; i < batch.count; i++) {
        const at = batch.offset[i];
        batch.length[i] = bytes;
        batch.group[i] = 0;
        engine.sendSlab.fill(0, at, at + bytes);
        engine.sendSlab.set(
          [0x45, 0, bytes >> 8, bytes & 0xff, 0, 0, flags, 0, 64, 17, 0, 0, ...source, ...destination, 16, 0, 16, 1],
          at,
        );
        new DataView(engine.sendSlab.buffer).setUint32(at + 28, this.number++);
      }
      this.mutate((one, nowUs) => one.sendPackets(batch, nowUs));
    }
  }

  /** Sends packets as they are. */
  sendBytes(...packets: readonly Uint8Array[]): void {
    const { batch, engine } = this;
    for (const packet of packets) {
      engine.lendSlots(batch);
      batch.count = 1;
      batch.length[0] = packet.length;
      batch.group[0] = 0;
      engine.sendSlab.set(packet, batch.offset[0]);
      this.mutate((one, nowUs) => one.sendPackets(batch, nowUs));
    }
  }

  get sent(): number {
    return this.number;
  }

  datagrams(outbox: DatagramOutbox): void {
    for (let i = 0; i < outbox.count; i++) {
      const route = this.routes.entries.get(outbox.route[i]);
      if (route === undefined) throw new Error(`route ${outbox.route[i]} leads nowhere`);
      const at = outbox.offset[i];
      this.onDatagram(route.socket, route.address, outbox.bytes.slice(at, at + outbox.length[i]));
    }
  }

  packets(batch: PacketBatch): void {
    const view = new DataView(this.engine.receiveSlab.buffer);
    for (let i = 0; i < batch.count; i++) {
      this.arrivals.push({ atUs: this.world.nowUs, number: view.getUint32(batch.offset[i] + 28) });
    }
  }

  event(event: EngineEvent): void {
    this.events.push(event);
  }

  /** Longest time between two arrivals after `fromUs`. */
  longestGapUs(fromUs = 0): number {
    let longest = 0;
    for (let i = 1; i < this.arrivals.length; i++) {
      if (this.arrivals[i - 1].atUs >= fromUs)
        longest = Math.max(longest, this.arrivals[i].atUs - this.arrivals[i - 1].atUs);
    }
    return longest;
  }

  /** Numbers that arrived more than once, and how many of the first `sent` never did. */
  ledger(sent: number): { lost: number; duplicates: number } {
    const seen = new Set(this.arrivals.map((arrival) => arrival.number));
    return { lost: sent - seen.size, duplicates: this.arrivals.length - seen.size };
  }
}

interface Happening {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface WorldOptions {
  policy?: TunnelPolicy;
  /** Both ends know these as well as the built-in ones. */
  strategies?: readonly StrategyFactory[];
  /** One-way delays, milliseconds, of each link. */
  delaysMs?: readonly number[];
  /** What each link carries each way, Mbit/s. Default: anything. */
  mbps?: readonly number[];
  metered?: boolean;
  sendSlots?: number;
  seed?: string;
  /** Seed of the vehicle's key; by default the same in every world. */
  vehicleKey?: string;
}

/** A vehicle's private key. */
export function vehicleKey(seed = 'vehicle key'): Uint8Array {
  return seededRandom(seed)(32);
}

export class World {
  nowUs = 0;
  readonly links: Link[];
  vehicle: Host<VehicleEngine>;
  gateway: Host<GatewayEngine>;
  private readonly happenings: Happening[] = [];
  private order = 0;
  private readonly gatewayKey = seededRandom('gateway key')(32);

  constructor(readonly options: WorldOptions = {}) {
    this.links = (options.delaysMs ?? [20, 30, 45]).map((delay, i) => ({
      name: `w${i}`,
      upUs: delay * MS,
      downUs: delay * MS,
      upBps: (options.mbps?.[i] ?? Number.POSITIVE_INFINITY) * 1e6,
      downBps: (options.mbps?.[i] ?? Number.POSITIVE_INFINITY) * 1e6,
      upBusyUs: 0,
      downBusyUs: 0,
      upDead: false,
      downDead: false,
      natPort: 40_000 + i,
      upBytes: 0,
      downBytes: 0,
    }));
    this.gateway = this.makeGateway('first');
    this.vehicle = this.makeVehicle('first');
  }

  get vehicleKey(): Uint8Array {
    return vehicleKey(this.options.vehicleKey);
  }

  /** Starts the vehicle's uplinks and runs until the session and all paths are up. */
  start(): this {
    this.vehicle.mutate((engine, nowUs) => engine.setUplinks(this.uplinks(), [], nowUs));
    this.run(1.5 * SECOND);
    return this;
  }

  uplinks(): UplinkState[] {
    const remote = addressRecord(Uint8Array.of(203, 0, 113, 10), 4510);
    const { metered = false } = this.options;
    return this.links.map((link, i) => ({ name: link.name, socket: i, remotes: [remote], priority: 1, metered }));
  }

  /** @param key private key, where it is another vehicle than this world's own */
  makeVehicle(seed: string, key = this.vehicleKey): Host<VehicleEngine> {
    const host = new Host<VehicleEngine>(this, `vehicle ${seed} ${this.options.seed ?? ''}`);
    host.engine = createVehicleEngine({
      primitives: host.primitives,
      privateKey: key,
      gatewayPublicKey: testPrimitives.x25519PublicKey(this.gatewayKey),
      ciphers: [CIPHER_AES_256_GCM],
      strategies: [...builtInStrategies, ...(this.options.strategies ?? [])],
      policy: this.options.policy ?? policyOf('active-standby'),
      sendSlots: this.options.sendSlots ?? 4096,
      mtu: 1400,
    });
    host.onDatagram = (socket, _to, bytes) => {
      const link = this.links[socket];
      link.upBytes += bytes.length + 28;
      if (link.upDead) return;
      const from = addressRecord(Uint8Array.of(198, 51, 100, socket), link.natPort);
      link.upBusyUs = Math.max(link.upBusyUs, this.nowUs) + (bytes.length * 8e6) / link.upBps;
      this.after(link.upBusyUs - this.nowUs + link.upUs, () => this.gateway.receive(0, from, bytes));
    };
    return host;
  }

  makeGateway(seed: string): Host<GatewayEngine> {
    const host = new Host<GatewayEngine>(this, `gateway ${seed} ${this.options.seed ?? ''}`);
    host.engine = createGatewayEngine(
      {
        primitives: host.primitives,
        privateKey: this.gatewayKey,
        ciphers: [CIPHER_AES_256_GCM],
        strategies: [...builtInStrategies, ...(this.options.strategies ?? [])],
        policy: policyOf('active-standby', 0),
        sendSlots: this.options.sendSlots ?? 4096,
        mtu: 1400,
      },
      [{ name: 'rtw-1', publicKey: testPrimitives.x25519PublicKey(this.vehicleKey), addresses: ['10.77.0.2/32'] }],
    );
    host.onDatagram = (_socket, to, bytes) => {
      const index = to[11];
      const link = this.links[index];
      if (link === undefined) return;
      link.downBytes += bytes.length + 28;
      if (link.downDead || (to[2] | (to[3] << 8)) !== link.natPort) return;
      const from = addressRecord(Uint8Array.of(203, 0, 113, 10), 4510);
      link.downBusyUs = Math.max(link.downBusyUs, this.nowUs) + (bytes.length * 8e6) / link.downBps;
      this.after(link.downBusyUs - this.nowUs + link.downUs, () => this.vehicle.receive(index, from, bytes));
    };
    return host;
  }

  after(delayUs: number, run: () => void): void {
    const happening = { atUs: this.nowUs + delayUs, order: this.order++, run };
    let at = this.happenings.length;
    while (at > 0 && this.happenings[at - 1].atUs > happening.atUs) at--;
    this.happenings.splice(at, 0, happening);
  }

  /** Repeats `run` every `stepUs` for `durationUs`, from now on. */
  every(stepUs: number, durationUs: number, run: () => void): void {
    for (let at = 0; at < durationUs; at += stepUs) this.after(at, run);
  }

  sendUp(bytes = 200): void {
    this.vehicle.send([10, 77, 0, 2], [10, 77, 0, 1], bytes);
  }

  sendDown(bytes = 200): void {
    this.gateway.send([10, 77, 0, 1], [10, 77, 0, 2], bytes);
  }

  blackout(index: number, direction: 'up' | 'down' | 'both' = 'both', dead = true): void {
    if (direction !== 'down') this.links[index].upDead = dead;
    if (direction !== 'up') this.links[index].downDead = dead;
  }

  run(durationUs: number): void {
    const endUs = this.nowUs + durationUs;
    let steps = 0;
    let instant = -1;
    for (;;) {
      const wakeUs = Math.min(this.vehicle.wakeUs(), this.gateway.wakeUs());
      const nextUs = Math.min(wakeUs, this.happenings[0]?.atUs ?? Number.POSITIVE_INFINITY);
      if (nextUs > endUs) break;
      if (nextUs === instant && ++steps > 10_000) throw new Error('time stands still');
      if (nextUs !== instant) steps = 0;
      instant = nextUs;
      this.nowUs = Math.max(this.nowUs, nextUs);
      if ((this.happenings[0]?.atUs ?? Number.POSITIVE_INFINITY) <= this.nowUs) this.happenings.shift()?.run();
      else {
        for (const host of [this.vehicle, this.gateway]) {
          if (host.wakeUs() <= this.nowUs) host.mutate((engine: Engine, nowUs) => engine.tick(nowUs));
        }
      }
    }
    this.nowUs = endUs;
  }
}
