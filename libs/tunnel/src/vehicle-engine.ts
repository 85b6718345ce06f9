/** The vehicle's end: one peer, the gateway; one path for each uplink. */
import { CLOSE_SHUTDOWN, DATAGRAM_COOKIE_REPLY, DATAGRAM_RESPONSE, MAX_PATH_ID } from '@corridor/wire';
import { ADDRESS_BYTES, type DatagramBatch } from './batch.js';
import { MAX_PATHS } from './constants.js';
import { Driver } from './driver.js';
import type { UplinkConditions, UplinkState, VehicleEngine, VehicleEngineOptions } from './engine.js';
import { VehicleHandshake } from './handshake/index.js';
import { NO_ROUTE, type Path } from './path.js';
import { Peer } from './peer.js';
import type { TunnelPolicy } from './policy.js';
import { checkPolicy } from './policy-check.js';
import { VehicleHandshaking } from './vehicle-handshaking.js';

/** Number of the only peer. */
const GATEWAY = 0;
/** Pause between two of the gateway's addresses on a path that is down. */
const REMOTE_TURN_US = 1_000_000;

/** Of an uplink of which nobody said anything. */
const NOTHING_SPECIAL: UplinkConditions = { roaming: false, capReached: false, signal: undefined };

/** What the vehicle keeps of an uplink besides its path. */
interface Uplink {
  readonly path: Path;
  state: UplinkState;
  /** Which of the remotes the path uses. */
  remote: number;
  turnedUs: number;
}

export function createVehicleEngine(options: VehicleEngineOptions): VehicleEngine {
  return new Vehicle(options);
}

class Vehicle extends Driver implements VehicleEngine {
  readonly followsAnnouncements = false;
  private readonly peer: Peer;
  private readonly handshake: VehicleHandshake;
  private readonly handshaking: VehicleHandshaking;
  private readonly uplinks = new Map<string, Uplink>();
  /** Ids that names have had, so that an uplink which returns keeps its own. */
  private readonly ids = new Map<string, number>();

  constructor(options: VehicleEngineOptions) {
    super(options);
    const { primitives, strategies } = options;
    const policy = checkPolicy(options.policy, strategies);
    this.peer = new Peer(this.core, GATEWAY, 'gateway', options.gatewayPublicKey, policy, true);
    this.handshake = new VehicleHandshake(
      primitives.handshake,
      primitives.random,
      options.privateKey,
      options.gatewayPublicKey,
    );
    this.handshaking = new VehicleHandshaking(this.core, this.peer, this.handshake, options.ciphers, () =>
      this.turnRemotes(),
    );
    this.peer.duty = this.handshaking;
    this.peer.announcements.policy.announce(policy);
  }

  setUplinks(uplinks: readonly UplinkState[], changed: readonly string[], nowUs: number): void {
    this.begin(nowUs);
    const names = new Set(uplinks.map((uplink) => uplink.name));
    for (const [name, uplink] of this.uplinks) if (!names.has(name)) this.removeUplink(name, uplink);
    for (const state of uplinks) {
      const known = this.uplinks.get(state.name);
      if (known === undefined) this.addUplink(state);
      else this.changeUplink(known, state, changed.includes(state.name));
    }
    this.peer.replan();
    this.touch(this.peer);
    this.end();
  }

  setUplinkConditions(name: string, conditions: UplinkConditions, nowUs: number): void {
    this.begin(nowUs);
    const path = this.uplinks.get(name)?.path;
    if (path?.setConditions(conditions)) {
      this.peer.announcements.announcePath(path);
      this.peer.replan();
    }
    this.touch(this.peer);
    this.end();
  }

  setPolicy(policy: TunnelPolicy, nowUs: number): void {
    const checked = checkPolicy(policy, this.core.strategies);
    this.begin(nowUs);
    this.peer.setPolicy(checked);
    this.peer.announcements.policy.announce(checked);
    const { version } = checked;
    this.core.emit({
      type: 'policy',
      atUs: nowUs,
      peer: this.peer.name,
      version,
      outcome: 'applied',
      reason: 'set here',
    });
    this.touch(this.peer);
    this.end();
  }

  setPathBlocked(name: string, blocked: boolean, nowUs: number): void {
    this.begin(nowUs);
    const path = this.peer.pathNamed(name);
    if (path !== undefined && path.blocked !== blocked) {
      this.peer.liveness.setBlocked(path, blocked, 'operator');
      this.peer.announcements.announcePath(path);
      this.handshaking.hurry();
    }
    this.touch(this.peer);
    this.end();
  }

  // --- role ---------------------------------------------------------------------------------------------------------

  peerByNumber(): Peer {
    return this.peer;
  }

  routeOf(): Peer {
    return this.peer;
  }

  /** The gateway forwards from anywhere. */
  acceptsSource(): boolean {
    return true;
  }

  pathOf(peer: Peer, pathId: number): Path | undefined {
    return peer.path(pathId);
  }

  /** The gateway's address is configured; wherever an authentic datagram came from, it is not followed. */
  noteSource(): void {}

  /** The vehicle's own keys are confirmed from the start. */
  confirm(): void {}

  closedByPeer(peer: Peer, reason: string): void {
    peer.sessionEnded('closed', reason === '' ? 'the gateway said goodbye' : reason);
  }

  receiveHandshake(batch: DatagramBatch, index: number): void {
    const at = batch.offset[index];
    const length = batch.length[index];
    const path = this.peer.paths.find((one) => one.socket === batch.socket[index]);
    this.touch(this.peer);
    if (batch.bytes[at] === DATAGRAM_RESPONSE) this.receiveResponse(batch.bytes, at, length, path);
    else if (batch.bytes[at] === DATAGRAM_COOKIE_REPLY && path !== undefined) {
      const { nowUs } = this.core.clock;
      const outcome = this.handshake.consumeCookieReply(batch.bytes, at, length, path.id, nowUs);
      if (outcome === 'ok' && path.usable) this.handshaking.send(path, nowUs);
      else if (outcome !== 'ok') this.refuse(outcome);
    } else this.refuse('malformed');
  }

  protected allPeers(): Iterable<Peer> {
    return [this.peer];
  }

  protected sayGoodbye(): void {
    const { best, second } = this.peer.scheduler;
    for (const path of [best, second]) {
      if (path !== undefined && this.peer.sender.beginFrames().close(CLOSE_SHUTDOWN, ''))
        this.peer.sender.sendFrames(path, false);
    }
    this.peer.sessionEnded('closed', 'closed here');
  }

  private receiveResponse(bytes: Uint8Array, at: number, length: number, path: Path | undefined): void {
    const answer = this.handshaking.receiveResponse(bytes, at, length);
    if (typeof answer === 'string') {
      this.refuse(answer);
      return;
    }
    const reason = this.handshaking.conclude();
    this.peer.noteHeard();
    const proven = path?.usable === true ? path : undefined;
    this.peer.sessionChanged(this.peer.sessions.addConfirmed(answer), proven, reason);
  }

  // --- uplinks ------------------------------------------------------------------------------------------------------

  private addUplink(state: UplinkState): void {
    if (state.remotes.length === 0) return;
    const path = this.peer.addPath(this.idOf(state.name), state.name, true);
    if (path === undefined) return;
    const uplink = { path, state, remote: 0, turnedUs: this.core.clock.nowUs };
    this.uplinks.set(state.name, uplink);
    path.priority = state.priority;
    path.metered = state.metered;
    path.setConditions(state.conditions ?? NOTHING_SPECIAL);
    this.point(uplink);
    this.peer.announcements.announcePath(path);
    this.handshaking.hurry();
  }

  private changeUplink(uplink: Uplink, state: UplinkState, changed: boolean): void {
    const { path, state: before } = uplink;
    const moved = changed || before.socket !== state.socket || !sameRemotes(before.remotes, state.remotes);
    uplink.state = state;
    const conditionsChanged = state.conditions !== undefined && path.setConditions(state.conditions);
    if (path.priority !== state.priority || path.metered !== state.metered || conditionsChanged) {
      path.priority = state.priority;
      path.metered = state.metered;
      this.peer.announcements.announcePath(path);
    }
    if (!moved || state.remotes.length === 0) return;
    if (uplink.remote >= state.remotes.length) uplink.remote = 0;
    this.point(uplink);
    this.handshake.forgetPath(path.id);
    this.peer.liveness.disturb(path, 'the uplink has another address');
    this.handshaking.hurry();
  }

  private removeUplink(name: string, uplink: Uplink): void {
    this.uplinks.delete(name);
    this.handshake.forgetPath(uplink.path.id);
    this.peer.removePath(uplink.path, 'is gone');
    this.peer.announcements.announcePath(uplink.path);
  }

  /** Directs the path's route to the uplink's socket and remote. */
  private point(uplink: Uplink): void {
    const { path, state } = uplink;
    const { routes } = this.core;
    const address = state.remotes[uplink.remote];
    if (path.route === NO_ROUTE) path.route = routes.open(state.socket, address);
    else routes.change(path.route, state.socket, address);
    path.socket = state.socket;
    path.address.set(address);
  }

  /** Paths that are down, and all paths without a session, try the gateway's next address. */
  private turnRemotes(): void {
    const { nowUs } = this.core.clock;
    for (const uplink of this.uplinks.values()) {
      const { remotes } = uplink.state;
      if (remotes.length < 2 || uplink.path.state === 'up' || nowUs - uplink.turnedUs < REMOTE_TURN_US) continue;
      uplink.remote = (uplink.remote + 1) % remotes.length;
      uplink.turnedUs = nowUs;
      this.point(uplink);
    }
  }

  private idOf(name: string): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const taken = new Set(this.ids.values());
    let id = 0;
    while (taken.has(id) && id < MAX_PATH_ID) id++;
    // Names come and go (wwan17, wwan18): forget the oldest that is not in use before ids run high.
    if (this.ids.size >= 4 * MAX_PATHS) {
      for (const [old, oldId] of this.ids) {
        if (this.uplinks.has(old)) continue;
        this.ids.delete(old);
        id = oldId;
        break;
      }
    }
    this.ids.set(name, id);
    return id;
  }
}

function sameRemotes(a: UplinkState['remotes'], b: UplinkState['remotes']): boolean {
  return (
    a.length === b.length &&
    a.every((address, i) => address.every((byte, at) => at >= ADDRESS_BYTES || byte === b[i][at]))
  );
}
