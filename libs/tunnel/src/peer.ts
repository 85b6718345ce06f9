/**
 * One remote end: its session, paths, flows and classes. The vehicle has one peer, the
 * gateway one for each vehicle. What sends, acknowledges, watches paths and announces lives in the parts that this class
 * owns; here they are brought together: time, the list of paths, planning and what a new session means.
 */
import { Announcements } from './announcements.js';
import { Classifier } from './classify.js';
import type { Earliest } from './clock.js';
import {
  ACTIVE_US,
  MAX_PATHS,
  PLAN_INTERVAL_IDLE_US,
  PLAN_INTERVAL_US,
  STALL_GRACE_MAX_US,
  STALL_US,
} from './constants.js';
import type { Core } from './core.js';
import { Dispatcher } from './dispatcher.js';
import { type Decision, Explain } from './explain.js';
import { Feedback } from './feedback.js';
import { DuplicateFilter, FlowSequences } from './flows.js';
import { Liveness } from './liveness.js';
import { PathMtu } from './mtu.js';
import { Overdue } from './overdue.js';
import { NO_ROUTE, Path } from './path.js';
import { PathValidation } from './path-validation.js';
import type { TunnelPolicy } from './policy.js';
import type { Reordering } from './reordering/index.js';
import type { RepairDecoder } from './repair/index.js';
import { Scheduler } from './scheduler.js';
import { Sender } from './sender.js';
import { Sessions, type Succession } from './sessions.js';
import { Stuck } from './stuck.js';
import { HANDSHAKES, REKEYS, Tally } from './tally.js';

/** Work that only one of the two roles has, such as the vehicle's handshakes. */
export interface PeerDuty {
  service(nowUs: number): void;
  noteDeadline(earliest: Earliest): void;
}

const DEADLINE = 0;
const PLAN_DUE = 1;
const TRAFFIC = 2;
const HEARD = 3;
const GRACE_UNTIL = 4;
const SERVED = 5;

const NEVER = Number.POSITIVE_INFINITY;
const LONG_AGO = Number.NEGATIVE_INFINITY;
/** A deadline that has just been served comes back no sooner, so that rounding can never make a host spin. */
const LEAST_PAUSE_US = 100;

export class Peer {
  /** Paths that exist, in path-id order. */
  paths: Path[] = [];
  readonly sessions: Sessions;
  readonly scheduler: Scheduler;
  readonly feedback: Feedback;
  readonly liveness: Liveness;
  readonly validation: PathValidation;
  readonly announcements: Announcements;
  readonly mtu: PathMtu;
  readonly sender: Sender;
  readonly dispatcher: Dispatcher;
  private readonly stuck = new Stuck(this);
  private readonly overdue = new Overdue(this);
  private readonly explain = new Explain(this);
  readonly tally = new Tally();
  readonly sequences = new FlowSequences();
  readonly duplicates = new DuplicateFilter();
  /** Made with the first packet that asks for them. */
  reordering: Reordering | undefined;
  decoder: RepairDecoder | undefined;
  /** Names the sequences above to the peer: another value would mean that they start afresh. */
  readonly instance: Uint8Array;
  classifier: Classifier;
  policy: TunnelPolicy;
  duty: PeerDuty | undefined;

  /** Something happened that {@link service} must look at before its deadline. */
  attention = false;
  /** A handshake is under way. */
  handshaking = false;
  /** In the engine's list of peers that the running mutation touched. */
  touched = false;
  /** Place in the engine's queue of deadlines, -1 outside. */
  queuePlace = -1;

  private readonly byId: (Path | undefined)[] = [];
  private readonly times = new Float64Array([NEVER, 0, LONG_AGO, LONG_AGO, LONG_AGO, LONG_AGO]);

  /**
   * @param number by which held packets know their peer; unique in the engine
   * @param announcing this end tells the peer of paths and policy: the vehicle's engine
   */
  constructor(
    readonly core: Core,
    readonly number: number,
    readonly name: string,
    /** At a gateway the first of the vehicle's keys: for people, handshakes look keys up. */
    public publicKey: Uint8Array,
    policy: TunnelPolicy,
    announcing: boolean,
  ) {
    this.instance = core.primitives.random(8);
    this.sessions = new Sessions(this, core);
    this.scheduler = new Scheduler(core.strategies);
    this.feedback = new Feedback(this);
    this.liveness = new Liveness(this);
    this.validation = new PathValidation(this);
    this.announcements = new Announcements(this, announcing);
    this.mtu = new PathMtu(this);
    this.sender = new Sender(this);
    this.policy = policy;
    this.classifier = new Classifier(policy);
    this.scheduler.setPolicy(policy, Math.max(0, core.clock.nowUs));
    this.dispatcher = new Dispatcher(this);
  }

  // --- time -------------------------------------------------------------------------------------------------------

  get deadlineUs(): number {
    return this.times[DEADLINE];
  }
  /** When an inner packet last went out or came in. */
  get trafficUs(): number {
    return this.times[TRAFFIC];
  }
  /** When an authentic datagram last came in. */
  get heardUs(): number {
    return this.times[HEARD];
  }

  noteHeard(): void {
    this.times[HEARD] = this.core.clock.nowUs;
  }

  /** Whether applications use the session: probes are frequent then. */
  get active(): boolean {
    return this.core.clock.nowUs - this.times[TRAFFIC] < ACTIVE_US;
  }

  /** Until then nothing is made of a path's silence: see {@link STALL_US}. */
  get graceUntilUs(): number {
    return this.times[GRACE_UNTIL];
  }

  noteTraffic(): void {
    if (!this.active) {
      this.attention = true;
      this.times[PLAN_DUE] = this.core.clock.nowUs;
    }
    this.times[TRAFFIC] = this.core.clock.nowUs;
  }

  /** Ends a mutation that touched this peer: fires what is due and works out the next deadline. */
  settle(): void {
    const { nowUs } = this.core.clock;
    const lateUs = nowUs - this.times[DEADLINE];
    if (lateUs > STALL_US) this.times[GRACE_UNTIL] = nowUs + Math.min(lateUs, STALL_GRACE_MAX_US);
    if (this.attention || lateUs >= 0) this.service(nowUs);
    this.reordering?.service(this.core.clock);
    this.dispatcher.run();
    this.noteDeadlines();
    // From the last service, not from now: packets that come faster than the pause must not put it off for ever.
    const dueUs = Math.max(this.core.scratch.deadline.us, this.times[SERVED] + LEAST_PAUSE_US);
    // What has been due for long when it is noticed, as the first acknowledgement after a pause is, is not served late.
    this.times[DEADLINE] = Math.max(dueUs, nowUs);
  }

  private service(nowUs: number): void {
    this.attention = false;
    this.times[SERVED] = nowUs;
    if (this.sessions.expire(nowUs)) this.sessionEnded('lost', 'its keys expired');
    if (nowUs >= this.times[PLAN_DUE]) this.replan();
    this.feedback.service(nowUs);
    this.feedback.expireLosses(nowUs);
    this.validation.service(nowUs);
    this.liveness.service(nowUs);
    this.stuck.service(nowUs);
    this.overdue.service(nowUs);
    this.announcements.service(nowUs);
    this.mtu.service(nowUs);
    this.duty?.service(nowUs);
  }

  private noteDeadlines(): void {
    const earliest = this.core.scratch.deadline;
    earliest.reset();
    earliest.note(this.times[PLAN_DUE]);
    this.sessions.noteDeadline(earliest);
    this.feedback.noteDeadline(earliest);
    this.validation.noteDeadline(earliest);
    this.liveness.noteDeadline(earliest);
    this.dispatcher.noteDeadline(earliest);
    this.announcements.noteDeadline(earliest);
    this.mtu.noteDeadline(earliest);
    this.reordering?.noteDeadline(earliest);
    this.duty?.noteDeadline(earliest);
  }

  // --- paths ------------------------------------------------------------------------------------------------------

  path(id: number): Path | undefined {
    return this.byId[id];
  }

  /** The path of an uplink, also while that is gone: what is said of it then holds when it comes back. */
  pathNamed(name: string): Path | undefined {
    return this.paths.find((path) => path.name === name) ?? this.byId.find((path) => path?.name === name);
  }

  /**
   * Makes a path, or brings back one that is gone; undefined when the peer has as many as it may.
   * @param named whether the name is the uplink's own
   */
  addPath(id: number, name: string, named: boolean): Path | undefined {
    if (this.paths.length >= MAX_PATHS) return undefined;
    const { nowUs } = this.core.clock;
    // Under the same keys, an id that comes back goes on with its packet numbers.
    const path = this.byId[id] ?? new Path(id, name, nowUs);
    if (path.gone) path.revive(name, nowUs);
    path.space = this.sessions.current?.space(path);
    this.byId[id] = path;
    this.paths = [...this.paths, path].sort((a, b) => a.id - b.id);
    this.attention = true;
    this.times[PLAN_DUE] = nowUs;
    path.named = named;
    if (named) this.core.emit({ type: 'path-added', atUs: nowUs, peer: this.name, path: name, pathId: id });
    return path;
  }

  /** Takes a path away; what waits on it for an acknowledgement goes over the others. */
  removePath(path: Path, reason: string): void {
    if (path.gone) return;
    const { nowUs } = this.core.clock;
    path.gone = true;
    this.paths = this.paths.filter((one) => one !== path);
    this.liveness.rescue(path, `${path.name} ${reason}`);
    this.validation.forget(path);
    this.mtu.forget(path);
    this.core.routes.close(path.route);
    path.route = NO_ROUTE;
    this.core.emit({ type: 'path-removed', atUs: nowUs, peer: this.name, path: path.name, pathId: path.id });
  }

  /** Forgets every path, as the peer has numbered them afresh. */
  clearPaths(): void {
    for (const path of this.paths) this.removePath(path, 'belongs to the session before');
    this.byId.length = 0;
  }

  // --- planning ---------------------------------------------------------------------------------------------------

  /** Asks the strategies now. Answers the classes that moved; tell people with {@link announceSwitches}. */
  plan(): readonly Decision[] {
    const { nowUs } = this.core.clock;
    this.times[PLAN_DUE] = nowUs + (this.active ? PLAN_INTERVAL_US : PLAN_INTERVAL_IDLE_US);
    const switches = this.scheduler.plan(this.paths, nowUs);
    this.dispatcher.planned();
    this.decoder?.trim(this.core.clock);
    return this.explain.planned(switches);
  }

  replan(): void {
    this.announceSwitches(this.plan(), 0);
  }

  announceSwitches(switches: readonly Decision[], replayed: number): void {
    for (const moved of switches) {
      this.core.emit({ type: 'path-switch', atUs: this.core.clock.nowUs, peer: this.name, ...moved, replayed });
    }
  }

  /** Follows another policy from the next packet on; what is under way is not touched. */
  setPolicy(policy: TunnelPolicy): void {
    const before = this.scheduler.executions;
    this.scheduler.setPolicy(policy, this.core.clock.nowUs);
    this.dispatcher.reconfigure(before);
    this.classifier = new Classifier(policy);
    this.policy = policy;
    this.replan();
  }

  // --- session ----------------------------------------------------------------------------------------------------

  /**
   * New keys are current: paths get their number spaces, the held packets of a broken session go out again.
   * @param proven the path over which the handshake came, if one is known
   */
  sessionChanged(succession: Succession, proven: Path | undefined, reason: string): void {
    const { core } = this;
    const { nowUs } = core.clock;
    const broken = succession === 'fresh' || this.liveness.unrescued;
    for (const path of this.paths) path.space = this.sessions.current?.space(path);
    if (succession === 'fresh') {
      this.duplicates.clear();
      this.reordering?.clear(core.clock);
      this.decoder?.clear();
    }
    const state = succession === 'fresh' ? 'established' : 'rekeyed';
    core.emit({ type: 'session', atUs: nowUs, peer: this.name, state, reason });
    this.tally.add(succession === 'fresh' ? HANDSHAKES : REKEYS);
    this.announcements.sessionChanged(succession);
    this.liveness.sessionChanged(succession === 'fresh', proven);
    this.attention = true;
    if (!broken) return;
    this.dispatcher.resume();
    this.liveness.unrescued = false;
    this.replan();
    this.sender.replayHeld(true);
    // What went out under the keys before went out again just now: its silence says nothing any more. The keys stay: the
    // other end may use them until it hears of the new ones, and if nothing was broken there it never sends that again.
    this.sessions.previous?.closeSending();
  }

  /** The session is over: nothing can be sent or opened until the next handshake. */
  sessionEnded(state: 'lost' | 'closed', reason: string): void {
    this.sessions.end();
    for (const path of this.paths) {
      path.space = undefined;
      path.provenBefore = false;
      if (path.state !== 'gated') path.enter('gated', 'no session', this.core.clock.nowUs);
    }
    this.attention = true;
    this.core.emit({ type: 'session', atUs: this.core.clock.nowUs, peer: this.name, state, reason });
  }
}
