/** What the vehicle tells the gateway reliably: its paths' names and properties, and its policy. */
import { type FrameWriter, PATH_BLOCKED, PATH_CAPPED, PATH_GONE, PATH_METERED, PATH_ROAMING } from '@corridor/wire';
import type { Earliest } from './clock.js';
import { CONTROL_RETRY_MAX_US, CONTROL_RETRY_US } from './constants.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { PolicyReceiver, PolicySender } from './policy-exchange.js';
import type { Succession } from './sessions.js';

/** Names are cut to this many characters: they are for people. */
const MAX_NAME = 64;

interface Announcement {
  readonly path: Path;
  readonly version: number;
  dueUs: number;
  pauseUs: number;
}

export class Announcements {
  readonly policy: PolicySender;
  readonly received: PolicyReceiver;
  /** Path information that was not acknowledged yet. */
  private waiting: Announcement[] = [];
  private version = 0;
  /** Newest version of each path's information that was taken in, by path id. */
  private readonly taken = new Map<number, number>();

  /** @param announcing this end names paths and sets the policy */
  constructor(
    private readonly peer: Peer,
    private readonly announcing: boolean,
  ) {
    this.policy = new PolicySender(peer);
    this.received = new PolicyReceiver(peer);
  }

  /** The vehicle's side: a path is new, changed or gone. */
  announcePath(path: Path): void {
    if (!this.announcing) return;
    this.waiting = this.waiting.filter((one) => one.path.id !== path.id);
    this.waiting.push({ path, version: ++this.version, dueUs: this.peer.core.clock.nowUs, pauseUs: CONTROL_RETRY_US });
    this.peer.attention = true;
  }

  acknowledgePath(pathId: number, version: number): void {
    this.waiting = this.waiting.filter((one) => one.path.id !== pathId || one.version !== version);
  }

  /** Puts what waits to be said about a path into a datagram that goes out over it anyway. */
  writeWaiting(writer: FrameWriter, path: Path): void {
    for (const one of this.waiting) if (one.path === path) write(writer, one);
  }

  /** The gateway's side. */
  receivePath(pathId: number, version: number, priority: number, flags: number, name: string): void {
    const { peer } = this;
    const path = peer.path(pathId) ?? peer.addPath(pathId, name, false);
    if (path === undefined) return;
    if (version > (this.taken.get(pathId) ?? -1)) {
      this.taken.set(pathId, version);
      this.rename(path, name.slice(0, MAX_NAME));
      path.priority = priority;
      path.metered = (flags & PATH_METERED) !== 0;
      path.roaming = (flags & PATH_ROAMING) !== 0;
      path.capReached = (flags & PATH_CAPPED) !== 0;
      this.followUse(path, (flags & PATH_BLOCKED) !== 0, (flags & PATH_GONE) !== 0);
      peer.replan();
    }
    const over = peer.scheduler.best;
    if (over !== undefined && peer.sender.beginFrames().pathInfoAck(pathId, version))
      peer.sender.sendFrames(over, true);
  }

  sessionChanged(succession: Succession): void {
    if (succession === 'fresh') {
      this.taken.clear();
      this.received.reset();
      this.policy.again();
      for (const path of this.peer.paths) this.announcePath(path);
    }
  }

  noteDeadline(earliest: Earliest): void {
    if (this.peer.sessions.current === undefined) return;
    this.policy.noteDeadline(earliest);
    for (const one of this.waiting) earliest.note(one.dueUs);
  }

  service(nowUs: number): void {
    if (this.peer.sessions.current === undefined) return;
    this.policy.service(nowUs);
    for (const one of this.waiting) if (nowUs >= one.dueUs) this.send(one, nowUs);
  }

  private send(one: Announcement, nowUs: number): void {
    const { peer } = this;
    const over = peer.scheduler.best;
    one.dueUs = nowUs + one.pauseUs + (over?.rtt.expectedUs ?? 0);
    one.pauseUs = Math.min(CONTROL_RETRY_MAX_US, one.pauseUs * 2);
    if (over === undefined) return;
    if (write(peer.sender.beginFrames(), one)) peer.sender.sendFrames(over, true);
  }

  private rename(path: Path, name: string): void {
    const { core, name: peer } = this.peer;
    path.name = name;
    if (path.named) return;
    path.named = true;
    core.emit({ type: 'path-added', atUs: core.clock.nowUs, peer, path: name, pathId: path.id });
  }

  private followUse(path: Path, blocked: boolean, gone: boolean): void {
    const { peer } = this;
    if (gone) peer.removePath(path, 'is gone');
    else if (path.gone) peer.addPath(path.id, path.name, true);
    if (blocked !== path.blockedByPeer) peer.liveness.setBlocked(path, blocked, 'peer');
  }
}

function write(writer: FrameWriter, one: Announcement): boolean {
  const { path, version } = one;
  const flags =
    (path.metered ? PATH_METERED : 0) |
    (path.roaming ? PATH_ROAMING : 0) |
    (path.capReached ? PATH_CAPPED : 0) |
    (path.blocked ? PATH_BLOCKED : 0) |
    (path.gone ? PATH_GONE : 0);
  return writer.pathInfo(path.id, version, path.priority, flags, path.name.slice(0, MAX_NAME));
}
