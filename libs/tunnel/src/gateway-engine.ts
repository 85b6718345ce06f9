/** The gateway's end: one peer for each vehicle, found by key, by receiver index and by inner address. */
import { CLOSE_REMOVED, CLOSE_SHUTDOWN, DATAGRAM_INITIATION } from '@corridor/wire';
import { ADDRESS_BYTES, type DatagramBatch } from './batch.js';
import { Driver } from './driver.js';
import type { EngineOptions, GatewayEngine, GatewayVehicle } from './engine.js';
import type { Epoch } from './epochs.js';
import { GatewayHandshake } from './handshake/index.js';
import { NO_ROUTE, type Path } from './path.js';
import { Peer } from './peer.js';
import type { TunnelPolicy } from './policy.js';
import { checkPolicy } from './policy-check.js';
import { type Prefix, PrefixTable, parsePrefix } from './prefixes.js';

interface Vehicle {
  readonly peer: Peer;
  /** Static keys that lead to it, as text. */
  readonly keys: readonly string[];
  readonly prefixes: readonly Prefix[];
}

/** @param vehicles those that are known from the start; {@link GatewayEngine.addVehicle} adds more. */
export function createGatewayEngine(options: EngineOptions, vehicles: readonly GatewayVehicle[] = []): GatewayEngine {
  return new Gateway(options, vehicles);
}

class Gateway extends Driver implements GatewayEngine {
  readonly followsAnnouncements = true;
  private readonly handshake: GatewayHandshake<Peer>;
  private readonly vehicles = new Map<string, Vehicle>();
  private readonly byKey = new Map<string, Peer>();
  private readonly byNumber: (Peer | undefined)[] = [];
  /** Inner prefixes, to the number of the vehicle that owns them. */
  private readonly prefixes = new PrefixTable();
  private policy: TunnelPolicy;

  constructor(options: EngineOptions, vehicles: readonly GatewayVehicle[]) {
    super(options);
    const { primitives, strategies, privateKey, ciphers } = options;
    this.policy = checkPolicy(options.policy, strategies);
    this.handshake = new GatewayHandshake<Peer>({
      primitives: primitives.handshake,
      random: primitives.random,
      privateKey,
      ciphers,
      lookup: (publicKey) => this.byKey.get(keyText(publicKey)),
    });
    for (const vehicle of vehicles) this.add(vehicle);
  }

  addVehicle(vehicle: GatewayVehicle, nowUs: number): void {
    this.begin(nowUs);
    this.add(vehicle);
    this.end();
  }

  removeVehicle(name: string, nowUs: number): void {
    this.begin(nowUs);
    this.remove(name);
    this.end();
  }

  setDefaultPolicy(policy: TunnelPolicy, nowUs: number): void {
    const checked = checkPolicy(policy, this.core.strategies);
    this.begin(nowUs);
    for (const { peer } of this.vehicles.values()) {
      if (peer.policy !== this.policy) continue;
      peer.setPolicy(checked);
      this.touch(peer);
    }
    this.policy = checked;
    this.end();
  }

  setPathBlocked(vehicle: string, path: string, blocked: boolean, nowUs: number): void {
    this.begin(nowUs);
    const peer = this.vehicles.get(vehicle)?.peer;
    const found = peer?.pathNamed(path);
    if (peer !== undefined && found !== undefined && found.blocked !== blocked) {
      peer.liveness.setBlocked(found, blocked, 'operator');
      this.touch(peer);
    }
    this.end();
  }

  // --- role ---------------------------------------------------------------------------------------------------------

  peerByNumber(number: number): Peer | undefined {
    return this.byNumber[number];
  }

  routeOf(offset: number): Peer | undefined {
    const owner = this.prefixes.lookupDestination(this.sendSlab, offset);
    return owner < 0 ? undefined : this.byNumber[owner];
  }

  acceptsSource(peer: Peer, offset: number): boolean {
    return this.prefixes.lookupSource(this.receiveSlab, offset) === peer.number;
  }

  /** The vehicle numbers its paths; the gateway learns them as datagrams arrive. */
  pathOf(peer: Peer, pathId: number): Path | undefined {
    return peer.path(pathId) ?? peer.addPath(pathId, `path-${pathId}`, false);
  }

  noteSource(peer: Peer, path: Path, batch: DatagramBatch, index: number): void {
    const at = index * ADDRESS_BYTES;
    const socket = batch.socket[index];
    const same = socket === path.socket && sameAddress(path.address, batch.address, at);
    if (same && !path.gone && path.route !== NO_ROUTE) {
      if (path.validating) peer.validation.noteBytes(path, batch.length[index]);
      return;
    }
    if (path.gone) return;
    const address = batch.address.slice(at, at + ADDRESS_BYTES);
    if (path.route === NO_ROUTE) {
      path.route = this.core.routes.open(socket, address);
      path.socket = socket;
      path.address.set(address);
      return;
    }
    peer.validation.move(path, socket, address, batch.length[index]);
    peer.liveness.disturb(path, 'the vehicle has another address');
  }

  confirm(peer: Peer, epoch: Epoch): void {
    const succession = peer.sessions.promote(epoch);
    if (succession === 'fresh') peer.clearPaths();
    peer.sessionChanged(succession, undefined, succession === 'fresh' ? 'the vehicle shook hands' : 'new keys');
  }

  closedByPeer(peer: Peer, reason: string): void {
    this.endSession(peer, reason === '' ? 'the vehicle said goodbye' : reason);
  }

  receiveHandshake(batch: DatagramBatch, index: number): void {
    const at = batch.offset[index];
    if (batch.bytes[at] !== DATAGRAM_INITIATION) {
      this.refuse('malformed');
      return;
    }
    const { nowUs } = this.core.clock;
    const addressAt = index * ADDRESS_BYTES;
    const answer = this.handshake.receive(batch.bytes, at, batch.length[index], batch.address, addressAt, nowUs);
    if (answer.kind === 'silent') this.refuse(answer.reason);
    else if (answer.kind === 'reply') this.reply(answer.datagram, batch, index);
    else {
      const { peer } = answer.initiation;
      const made = this.handshake.respond(answer.initiation, this.core.epochs.draw(), peer.instance);
      peer.sessions.addUnconfirmed(made.established, keyText(answer.initiation.publicKey));
      this.touch(peer);
      this.reply(made.datagram, batch, index);
    }
  }

  protected *allPeers(): Iterable<Peer> {
    for (const vehicle of this.vehicles.values()) yield vehicle.peer;
  }

  protected sayGoodbye(): void {
    for (const { peer } of this.vehicles.values()) {
      this.sendClose(peer, CLOSE_SHUTDOWN, '');
      this.endSession(peer, 'closed here');
    }
  }

  /** Answers to where a datagram came from; that route lives until the drain. */
  private reply(datagram: Uint8Array, batch: DatagramBatch, index: number): void {
    const { routes, outgoing } = this.core;
    const at = index * ADDRESS_BYTES;
    const route = routes.open(batch.socket[index], batch.address.slice(at, at + ADDRESS_BYTES));
    outgoing.addRaw(datagram, route);
    routes.close(route);
  }

  // --- vehicles -----------------------------------------------------------------------------------------------------

  private add(vehicle: GatewayVehicle): void {
    const prefixes = vehicle.addresses.map(prefixOf);
    const keys = [vehicle.publicKey, vehicle.nextPublicKey].filter((key) => key !== undefined).map(keyText);
    const before = this.vehicles.get(vehicle.name);
    const kept = before?.keys.some((key) => keys.includes(key)) ? before : undefined;
    if (before !== undefined && kept === undefined) this.remove(vehicle.name);
    const peer = kept?.peer ?? this.makePeer(vehicle);
    if (kept !== undefined) this.changeKeys(kept, vehicle.publicKey, keys);
    for (const prefix of kept?.prefixes ?? []) this.prefixes.remove(prefix);
    for (const prefix of prefixes) this.prefixes.insert(prefix, peer.number);
    for (const key of keys) this.byKey.set(key, peer);
    this.vehicles.set(vehicle.name, { peer, keys, prefixes });
  }

  /** The peer stays; a session under a key that went does not. */
  private changeKeys({ peer, keys: before }: Vehicle, publicKey: Uint8Array, keys: readonly string[]): void {
    peer.publicKey = publicKey.slice();
    this.forgetKeys(
      peer,
      before.filter((key) => !keys.includes(key)),
    );
    if (peer.sessions.retain((key) => keys.includes(key))) return;
    this.sendClose(peer, CLOSE_REMOVED, 'the key of this session is good no more');
    this.endSession(peer, 'its key is good no more');
    this.touch(peer);
  }

  private forgetKeys(peer: Peer, keys: readonly string[]): void {
    // Another vehicle may have been given the key meanwhile.
    for (const key of keys) if (this.byKey.get(key) === peer) this.byKey.delete(key);
  }

  private makePeer(vehicle: GatewayVehicle): Peer {
    const free = this.byNumber.indexOf(undefined);
    const number = free < 0 ? this.byNumber.length : free;
    const peer = new Peer(this.core, number, vehicle.name, vehicle.publicKey.slice(), this.policy, false);
    this.byNumber[number] = peer;
    return peer;
  }

  private remove(name: string): void {
    const vehicle = this.vehicles.get(name);
    if (vehicle === undefined) return;
    const { peer, keys, prefixes } = vehicle;
    this.sendClose(peer, CLOSE_REMOVED, 'the gateway removed this vehicle');
    this.endSession(peer, 'the vehicle was removed');
    for (const prefix of prefixes) this.prefixes.remove(prefix);
    this.forgetKeys(peer, keys);
    this.byNumber[peer.number] = undefined;
    this.vehicles.delete(name);
    this.forget(peer);
  }

  private sendClose(peer: Peer, code: number, reason: string): void {
    const { best } = peer.scheduler;
    if (best !== undefined && peer.sender.beginFrames().close(code, reason)) peer.sender.sendFrames(best, false);
  }

  private endSession(peer: Peer, reason: string): void {
    if (peer.sessions.current !== undefined) peer.sessionEnded('closed', reason);
    peer.clearPaths();
    peer.dispatcher.clear();
    peer.reordering?.clear(this.core.clock);
    peer.decoder?.clear();
    this.core.slots.releaseAllOf(peer.number);
    peer.replan();
  }
}

/** @throws RangeError for what is no prefix: the host has checked its configuration. */
function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`addresses: expected a prefix such as "10.77.0.2/32", got "${text}"`);
  return prefix;
}

function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

/** Compares what counts of two address records: 40 bytes, or 12 of them for IPv4. */
function sameAddress(a: Uint8Array, b: Uint8Array, bAt: number): boolean {
  const v4 = a[0] === 4;
  for (let i = 0; i < ADDRESS_BYTES; i++) {
    if (a[i] !== b[bAt + i]) return false;
    if (v4 && (i === 11 || i === 27)) i += i === 11 ? 12 : ADDRESS_BYTES;
  }
  return true;
}
