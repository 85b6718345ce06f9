/**
 * A whole system on the virtual clock: a gateway engine, vehicle engines, the links between them, traffic through
 * them, and things that go wrong. The same seed gives the same run, packet by packet.
 */
import { builtInStrategies, type StrategyFactory } from '@corridor/strategy';
import {
  CIPHER_CHACHA20_POLY1305,
  createGatewayEngine,
  createVehicleEngine,
  type EngineEvent,
  type EngineOptions,
  type GatewayEngine,
  type HandshakePrimitives,
  type UplinkState,
  type VehicleEngine,
} from '@corridor/tunnel';
import { address, type Family, gatewayAddress, hostOf, portOf, uplinkOf } from './addresses.js';
import { EngineHost, type HostOutput, SimRoutes } from './engine-host.js';
import type { LinkDirection } from './link-direction.js';
import { Random } from './random.js';
import {
  flowNames,
  linksOf,
  type ReportedEvent,
  type Scenario,
  type ScenarioResult,
  type ScenarioStep,
  type TrafficSpec,
  trafficWindow,
  vehicleName,
} from './scenario.js';
import { SimLink } from './sim-link.js';
import { readStampedPacket } from './stamped-packet.js';
import { isTcp, readSegment, TcpFlow, type TcpNetwork, TcpSegment } from './tcp/index.js';
import { ToyAead } from './toy-aead.js';
import { HOSPITAL, PORT_BASE, TrafficFlow, vehicleInnerHost, vehiclePrefix } from './traffic-flow.js';
import { VirtualClock } from './virtual-clock.js';

export interface SimOptions {
  /** Any integer. */
  readonly seed: number;
  /** Real ones: the simulator has no cryptography of its own. */
  readonly handshake: HandshakePrimitives;
  /** Default: the built-in ones. */
  readonly strategies?: readonly StrategyFactory[];
  /** Told of every packet, for checks that a flow's totals cannot make. */
  readonly observer?: PacketObserver;
  /** Slots of each engine's send slab. Default: 8,192, and 2,048 where there are several vehicles. */
  readonly sendSlots?: number;
}

/** Packets by the number of their flow (in the order of vehicles, then of traffic) and their number in it. TCP is left out. */
export interface PacketObserver {
  /** The tunnel was given a packet. */
  sent(flow: number, sequence: number, atUs: number): void;
  /** It came out, as it went in. */
  delivered(flow: number, sequence: number, atUs: number): void;
}

/** Inner packets are at most this long, bytes. */
const MTU = 1_400;
/** Slots that a simulated engine may hold: as many as real ones do, and 4 MB worth for the vehicles of a fleet. */
const SEND_SLOTS = 8_192;
const SEND_SLOTS_OF_FLEET = 2_048;
/**
 * From the moment at which an operator takes an address away until the vehicle's device has the next one, which its sockets
 * use at once, and from there until the host has told the engine: measured in the lab, where `ip` changes the address.
 */
const ADDRESS_CHANGE_US = 15_000;
const ADDRESS_NOTICE_US = 7_000;
const GATEWAY = 'gateway';

export interface SimVehicle {
  readonly host: EngineHost<VehicleEngine>;
  readonly links: readonly SimLink[];
}

export class SimWorld {
  readonly clock = new VirtualClock();
  readonly vehicles: SimVehicle[] = [];
  /** Undefined while the gateway is down. */
  gateway: EngineHost<GatewayEngine> | undefined;
  /** Everything that engines reported, in order of time. */
  readonly events: ReportedEvent[] = [];

  private readonly random: Random;
  private readonly family: Family;
  private readonly gatewayKey: Uint8Array;
  private readonly vehicleKeys: Uint8Array[] = [];
  private readonly flows: (TrafficFlow | TcpFlow)[] = [];
  private readonly segment = new TcpSegment();

  constructor(
    readonly scenario: Scenario,
    private readonly options: SimOptions,
  ) {
    this.random = new Random(options.seed);
    this.family = scenario.outsideFamily ?? 4;
    const keys = this.random.fork('keys');
    this.gatewayKey = keys.bytes(32);
    for (let vehicle = 0; vehicle < scenario.vehicles; vehicle++) this.vehicleKeys.push(keys.bytes(32));
    this.startGateway();
    for (let vehicle = 0; vehicle < scenario.vehicles; vehicle++) this.startVehicle(vehicle);
    this.startTraffic();
    for (const step of scenario.steps) this.clock.schedule(step.atUs, () => this.apply(step));
  }

  /** @throws RangeError when the scenario has no such link. */
  link(vehicle: number, name: string): SimLink {
    const link = this.vehicles[vehicle]?.links.find((candidate) => candidate.spec.name === name);
    if (link === undefined) throw new RangeError(`${vehicleName(vehicle)} has no link ${name}`);
    return link;
  }

  /** Pulls a link's modem out, or puts it back: the uplink is gone for the engine, and nothing passes. */
  setPlugged(vehicle: number, name: string, plugged: boolean): void {
    const { host, links } = this.vehicles[vehicle];
    this.link(vehicle, name).plugged = plugged;
    host.mutate((engine, nowUs) => engine.setUplinks(this.uplinks(links), [], nowUs));
  }

  /** Lets time go on to `untilUs`. */
  runUntil(untilUs: number): void {
    this.clock.runUntil(untilUs);
  }

  /** What came of it so far. */
  result(): ScenarioResult {
    return {
      scenario: this.scenario.name,
      flows: this.flows.map((flow) => flow.result()),
      links: this.vehicles.flatMap((vehicle) => vehicle.links.map((link) => link.result())),
      switches: this.events.filter(({ event }) => event.type === 'path-switch'),
      timeline: this.events.filter(({ event }) => event.type !== 'path-switch'),
    };
  }

  private startGateway(): void {
    const { handshake } = this.options;
    const routes = new SimRoutes();
    const engine = createGatewayEngine(this.engineOptions(routes, this.gatewayKey, GATEWAY));
    const host = new EngineHost(
      this.clock,
      engine,
      routes,
      this.outputOf(GATEWAY, (_, to, bytes) => this.sendDown(to, bytes)),
    );
    this.gateway = host;
    this.vehicleKeys.forEach((key, vehicle) => {
      const publicKey = handshake.x25519PublicKey(key);
      const addresses = [vehiclePrefix(vehicle)];
      host.mutate((gateway, nowUs) => gateway.addVehicle({ name: vehicleName(vehicle), publicKey, addresses }, nowUs));
    });
  }

  private startVehicle(vehicle: number): void {
    const links = linksOf(this.scenario, vehicle).map(
      (spec, index) => new SimLink(spec, vehicle, index, this.random, this.family),
    );
    const routes = new SimRoutes();
    const name = vehicleName(vehicle);
    const engine = createVehicleEngine({
      ...this.engineOptions(routes, this.vehicleKeys[vehicle], name),
      gatewayPublicKey: this.options.handshake.x25519PublicKey(this.gatewayKey),
    });
    const output = this.outputOf(name, (socket, _, bytes) => this.sendUp(links[socket], bytes));
    const host = new EngineHost(this.clock, engine, routes, output);
    this.vehicles.push({ host, links });
    host.mutate((current, nowUs) => current.setUplinks(this.uplinks(links), [], nowUs));
  }

  private engineOptions(routes: SimRoutes, privateKey: Uint8Array, name: string): EngineOptions {
    // Also the time, so that a restarted gateway does not repeat the random bytes of its former life.
    const random = this.random.fork(`${name}@${this.clock.nowUs}`);
    return {
      primitives: {
        aead: new ToyAead(),
        handshake: this.options.handshake,
        random: (length) => random.bytes(length),
        routes,
      },
      privateKey,
      ciphers: [CIPHER_CHACHA20_POLY1305],
      strategies: this.options.strategies ?? builtInStrategies,
      policy: this.scenario.policy,
      sendSlots: this.options.sendSlots ?? (this.scenario.vehicles === 1 ? SEND_SLOTS : SEND_SLOTS_OF_FLEET),
      mtu: MTU,
    };
  }

  private uplinks(links: readonly SimLink[]): UplinkState[] {
    const present = links.filter((link) => link.plugged);
    return present.map((link) => ({
      name: link.spec.name,
      socket: link.index,
      remotes: [gatewayAddress(this.family)],
      priority: link.spec.priority ?? 1,
      metered: link.spec.metered ?? false,
    }));
  }

  private outputOf(by: string, datagram: HostOutput['datagram']): HostOutput {
    return {
      datagram,
      packet: (slab, offset, length) => this.deliverInner(slab, offset, length),
      event: (event: EngineEvent) => this.events.push({ by, event }),
    };
  }

  private startTraffic(): void {
    const names = flowNames(this.scenario);
    const random = this.random.fork('traffic');
    for (let vehicle = 0; vehicle < this.scenario.vehicles; vehicle++) {
      this.scenario.traffic.forEach((spec, index) => {
        const flow = this.flowOf(spec, vehicle, names[index], random);
        this.flows.push(flow);
        flow.start();
      });
    }
  }

  private flowOf(spec: TrafficSpec, vehicle: number, name: string, random: Random): TrafficFlow | TcpFlow {
    const id = this.flows.length;
    const inside = () => this.vehicles[vehicle].host;
    const outside = () => this.gateway;
    const isUp = spec.direction === 'up';
    if (spec.kind !== 'tcp') {
      const place = { vehicle, id, name };
      const observe = (sequence: number) => this.options.observer?.sent(id, sequence, this.clock.nowUs);
      return new TrafficFlow(this.clock, this.scenario, spec, place, random, isUp ? inside : outside, observe);
    }
    const host = vehicleInnerHost(vehicle);
    const ends = isUp ? { from: host, to: HOSPITAL } : { from: HOSPITAL, to: host };
    const window = trafficWindow(this.scenario, spec);
    const place = { vehicle, name, ...ends, port: PORT_BASE + id, mtu: MTU, ...window };
    const [sending, receiving] = isUp ? [inside, outside] : [outside, inside];
    return new TcpFlow(spec, place, random.fork(`tcp ${id}`), this.networkOf(sending), this.networkOf(receiving));
  }

  /** What leaves through an engine; nothing while there is none. */
  private networkOf(host: () => EngineHost<VehicleEngine> | EngineHost<GatewayEngine> | undefined): TcpNetwork {
    const { clock } = this;
    return {
      get nowUs() {
        return clock.nowUs;
      },
      schedule: (atUs, action) => clock.schedule(atUs, action),
      transmit: (count, write) => host()?.sendMany(count, write),
    };
  }

  private sendUp(link: SimLink, bytes: Uint8Array): void {
    const inside = link.sendable();
    if (inside < 0) return;
    const { host } = link;
    this.offer(link.up, bytes, () => {
      const from = address(this.family, host, link.publicPort(this.clock.nowUs, inside));
      this.gateway?.receive(0, from, bytes);
    });
  }

  private sendDown(to: Uint8Array, bytes: Uint8Array): void {
    const host = hostOf(to);
    const { vehicle, link: index } = uplinkOf(host);
    const link = this.vehicles[vehicle]?.links[index];
    const inside = link?.insideOf(this.clock.nowUs, host, portOf(to)) ?? -1;
    if (inside < 0) return;
    const from = gatewayAddress(this.family);
    this.offer(link.down, bytes, () => {
      if (link.accepts(inside)) this.vehicles[vehicle].host.receive(index, from, bytes);
    });
  }

  private offer(direction: LinkDirection, bytes: Uint8Array, deliver: () => void): void {
    const deliverAtUs = direction.offer(this.clock.nowUs, bytes.length);
    if (deliverAtUs < 0) return;
    this.clock.schedule(deliverAtUs, deliver);
    if (direction.duplicateAtUs >= 0) this.clock.schedule(direction.duplicateAtUs, deliver);
  }

  private deliverInner(slab: Uint8Array, offset: number, length: number): void {
    if (isTcp(slab, offset, length)) {
      this.deliverSegment(slab, offset, length);
      return;
    }
    const packet = readStampedPacket(slab, offset, length);
    // Nothing else was sent into the tunnel: anything else that comes out of it is a bug.
    const flow = packet === undefined ? undefined : this.flows[packet.flow];
    if (packet === undefined || !(flow instanceof TrafficFlow))
      throw new Error(`a packet of ${length} bytes came out changed`);
    flow.recorder.arrived(packet.sequence, packet.sentAtUs, this.clock.nowUs);
    this.options.observer?.delivered(packet.flow, packet.sequence, this.clock.nowUs);
  }

  private deliverSegment(slab: Uint8Array, offset: number, length: number): void {
    const { segment } = this;
    const isSound = readSegment(slab, offset, length, segment);
    const flow = this.flows[segment.destinationPort - PORT_BASE];
    if (!isSound || !(flow instanceof TcpFlow)) throw new Error(`a segment of ${length} bytes came out changed`);
    // What a stack does with one packet must not go back into the engine that is just handing it out.
    const arrived = segment.copy();
    this.clock.schedule(this.clock.nowUs, () => flow.arrived(arrived));
  }

  /** Makes something happen now. */
  apply(step: ScenarioStep): void {
    if (step.action === 'restart-gateway') {
      this.gateway?.stop();
      this.gateway = undefined;
      this.clock.schedule(this.clock.nowUs + step.downUs, () => this.startGateway());
      return;
    }
    for (let vehicle = 0; vehicle < this.vehicles.length; vehicle++) {
      if (step.vehicle === undefined || step.vehicle === vehicle) this.applyTo(vehicle, step);
    }
  }

  private applyTo(vehicle: number, step: Exclude<ScenarioStep, { action: 'restart-gateway' }>): void {
    const { host, links } = this.vehicles[vehicle];
    if (step.action === 'policy') {
      host.mutate((engine, nowUs) => engine.setPolicy(step.policy, nowUs));
      return;
    }
    const link = this.link(vehicle, step.link);
    switch (step.action) {
      case 'blackout':
      case 'restore':
        link.setBlackout(step.action === 'blackout', step.direction);
        break;
      case 'set':
        link.change(step.set, step.direction);
        break;
      case 'rebind-nat':
        link.rebindNat();
        break;
      case 'change-address':
        link.changeAddress();
        this.clock.schedule(this.clock.nowUs + ADDRESS_CHANGE_US, () => link.takeAddress());
        this.clock.schedule(this.clock.nowUs + ADDRESS_CHANGE_US + ADDRESS_NOTICE_US, () => {
          host.mutate((engine, nowUs) => engine.setUplinks(this.uplinks(links), [step.link], nowUs));
        });
        break;
    }
  }
}
