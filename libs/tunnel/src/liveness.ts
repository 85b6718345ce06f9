/**
 * Whether the paths of one peer work: probes, suspicion, the way down and up again, and what follows from it for the
 * packets under way.
 */
import type { SilenceFrame } from '@corridor/wire';
import type { Earliest } from './clock.js';
import {
  ACK_PROBE_INTERVAL_US,
  PROBE_ACTIVE_US,
  PROBE_DOWN_IDLE_METERED_US,
  PROBE_DOWN_IDLE_US,
  PROBE_DOWN_LAST_US,
  PROBE_GATED_US,
  PROBE_IDLE_BEST_US,
  PROBE_IDLE_METERED_US,
  PROBE_IDLE_US,
  PROBE_SUSPECT_US,
  RATE_WINDOW_US,
  REPLAY_PAUSE_US,
  RETRY_HELD_US,
  SILENCE_GAPS,
  SILENCE_MIN_PACKETS,
  SILENCE_MIN_US,
  SUSPECT_MARGIN_US,
  TAIL_PROBE_IDLE_US,
  TAIL_PROBE_US,
} from './constants.js';
import { nextHealth } from './health.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';

/** What is sent in the same instant in which a path is proven to work, or something was answered, is not yet answered. */
const INSTANT_US = 1;

export class Liveness {
  /** Packets wait unacknowledged that no other path could take over. */
  unrescued = false;
  private token = 0;
  /** When a tail was last replayed, and suspect paths that wait for their turn until then. */
  private readonly replayedUs = new Float64Array([Number.NEGATIVE_INFINITY]);
  /** When what no path could take over was last looked at. */
  private readonly retriedUs = new Float64Array([Number.NEGATIVE_INFINITY]);
  private readonly tail: Earliest;
  private readonly silent: Earliest;
  private readonly due: Earliest;
  private readonly postponed = new Map<Path, number>();

  constructor(private readonly peer: Peer) {
    const { tail, silent, due } = peer.core.scratch;
    this.tail = tail;
    this.silent = silent;
    this.due = due;
  }

  /** Looks at every path: sends due probes, reports silence, moves states. */
  service(nowUs: number): void {
    if (this.peer.sessions.current === undefined) return;
    if (this.postponed.size > 0) this.rescuePostponed(nowUs);
    if (this.unrescued && nowUs >= this.retryAtUs) this.retryHeld();
    const { due } = this;
    for (const path of this.peer.paths) {
      if (!path.usable) continue;
      this.judge(path, nowUs);
      due.reset();
      this.noteProbe(path, due);
      if (nowUs >= due.us) this.probe(path);
      due.reset();
      this.noteSilence(path, due);
      if (nowUs >= due.us) this.reportSilence(path);
    }
  }

  noteDeadline(earliest: Earliest): void {
    if (this.peer.sessions.current === undefined) return;
    if (this.postponed.size > 0) for (const dueUs of this.postponed.values()) earliest.note(dueUs);
    if (this.unrescued) earliest.note(this.retryAtUs);
    for (const path of this.peer.paths) {
      if (!path.usable) continue;
      this.noteProbe(path, earliest);
      this.noteSilence(path, earliest);
      this.noteJudgement(path, earliest);
    }
  }

  /** Sends a datagram that asks for an acknowledgement. */
  probe(path: Path): void {
    if (!path.usable) return;
    const writer = this.peer.sender.beginFrames();
    writer.probe(this.token++, 0);
    // The peer learns a new path from its first probe, and with it its name.
    this.peer.announcements.writeWaiting(writer, path);
    this.peer.sender.sendFrames(path, true);
    if (path.state === 'down') path.downStepUs = Math.min(PROBE_DOWN_LAST_US, path.downStepUs * 1.5);
  }

  /** Something outside tells that the path may be broken: another address, another socket. */
  disturb(path: Path, reason: string): void {
    const { nowUs } = this.peer.core.clock;
    path.triggerUs = nowUs;
    if (path.state === 'up') this.enter(path, 'suspect', reason);
    this.writeOff(path);
    this.probe(path);
    this.peer.mtu.restart(path);
    // With no other path to take the tail, it goes out once more here, and again when this path has answered.
    if (this.unrescued && path.usable) this.peer.sender.replayTail(path);
  }

  /** The path's new address answered: what went out towards the old one goes out again. */
  validated(path: Path): void {
    const { nowUs } = this.peer.core.clock;
    path.answered(nowUs - INSTANT_US, nowUs);
    if (this.unrescued) this.retryHeld();
    this.peer.attention = true;
  }

  /** Takes a path out of use, or puts it back: then it has to prove itself. */
  setBlocked(path: Path, blocked: boolean, by: 'operator' | 'peer'): void {
    const usable = path.usable;
    if (by === 'peer') path.blockedByPeer = blocked;
    else path.blocked = blocked;
    if (usable === path.usable) return;
    if (path.usable) {
      this.enter(path, 'gated', 'put back into use');
      this.probe(path);
      return;
    }
    this.enter(path, 'down', by === 'peer' ? 'taken out of use at the other end' : 'taken out of use');
  }

  /** The receiving end says that a path which should bring packets brings none. */
  receiveSilence(frame: SilenceFrame): void {
    const path = this.peer.path(frame.pathId);
    const sent = path?.space?.sent;
    if (path === undefined || sent === undefined || path.state !== 'up' || sent.tail <= frame.largest) return;
    // The report left half of another path's round trip ago; half of this path's ago the packet should have arrived.
    const other = this.peer.scheduler.best ?? path;
    const expectedUs = (path.rtt.expectedUs + other.rtt.expectedUs) / 2 + SUSPECT_MARGIN_US;
    if (this.peer.core.clock.nowUs - sent.tailSentAtUs < expectedUs) return;
    path.reportedSilent = true;
    this.peer.attention = true;
  }

  /** A new session: every path has to answer under the new keys, `proven` has done so just now. */
  sessionChanged(fresh: boolean, proven: Path | undefined): void {
    const { nowUs } = this.peer.core.clock;
    for (const path of this.peer.paths) {
      if (path === proven) {
        path.answered(nowUs - INSTANT_US, nowUs);
        if (path.state !== 'up') this.enter(path, 'up', 'the handshake went over it');
      } else if (fresh) {
        path.provenBefore = false;
        if (path.state !== 'gated') this.enter(path, 'gated', 'new session');
      }
      this.probe(path);
    }
  }

  /**
   * The path does not carry any more: plans anew and sends its unacknowledged tail over the others. When no other
   * path can take it, it waits for one that answers.
   */
  rescue(path: Path, reason: string): void {
    const { peer } = this;
    const switches = peer.plan();
    let replayed = 0;
    if (this.hasAlternative(path)) replayed = peer.sender.replayTail(path);
    else this.unrescued = true;
    if (replayed > 0) this.replayedUs[0] = peer.core.clock.nowUs;
    this.postponed.delete(path);
    peer.sessions.previous?.spaces[path.id]?.sent.closeTail();
    peer.announceSwitches(
      switches.map((one) => ({ ...one, reason: `${one.reason} (${reason})` })),
      replayed,
    );
  }

  /**
   * Rescues a suspect path now, or a little later when another has just been: under a burst that fills every queue one
   * suspicion follows the other, and each tail would go round with all that was replayed before.
   */
  private rescueInTurn(path: Path, reason: string, nowUs: number): void {
    const earliestUs = this.replayedUs[0] + REPLAY_PAUSE_US;
    if (nowUs >= earliestUs) this.rescue(path, reason);
    else {
      this.postponed.set(path, earliestUs);
      this.peer.replan();
    }
  }

  /** Rescues whose turn has come, of paths that are still suspect. */
  private rescuePostponed(nowUs: number): void {
    for (const [path, dueUs] of this.postponed) {
      if (path.state !== 'suspect') this.postponed.delete(path);
      else if (nowUs >= dueUs) this.rescue(path, `${path.name}: ${path.reason}`);
    }
  }

  // --- the ladder ---------------------------------------------------------------------------------------------------

  private judge(path: Path, nowUs: number): void {
    if (path.state === 'up' && nowUs < this.peer.graceUntilUs) return;
    path.calmDown(nowUs);
    this.findTail(path);
    const tailSentUs = this.tail.us;
    const overdueUs = nowUs - this.silent.us;
    // Nearly always; said here so that nothing is made for it.
    if (path.state === 'up' && overdueUs < 0 && !path.reportedSilent) {
      if (!path.doubted && nowUs >= tailSentUs + path.lateUs) this.doubt(path);
      if (path.evidence > 1) this.probeTail(path, nowUs);
      return;
    }
    if (path.state === 'gated' && overdueUs >= 0) path.restartProof(nowUs);
    const verdict = nextHealth({
      state: path.state,
      nowUs,
      sinceUs: path.sinceUs,
      overdueUs,
      reportedSilent: path.reportedSilent,
      answered: path.answeredSentUs >= path.triggerUs,
      downAfterUs: path.downAfterUs(),
      flaps: path.flaps,
      proofs: path.proofs,
      proofSpanUs: path.answeredSentUs - path.proofFromUs,
      provenBefore: path.provenBefore,
    });
    if (verdict === undefined) return;
    // What was sent in the same instant as the tail may be answered: that does not answer for the tail.
    if (verdict.to === 'suspect') path.triggerUs = Math.max(tailSentUs, path.answeredSentUs + INSTANT_US);
    this.enter(path, verdict.to, verdict.reason);
  }

  /** An answer is late, not yet too late: strategies may want copies from now on. */
  private doubt(path: Path): void {
    this.peer.replan();
    // Once per silence, whatever came of it.
    path.doubted = true;
  }

  private enter(path: Path, to: Path['state'], reason: string): void {
    const { peer } = this;
    const { nowUs } = peer.core.clock;
    const from = path.state;
    path.enter(to, reason, nowUs);
    if (to === 'down') this.writeOff(path);
    peer.core.emit({
      type: 'path-state',
      atUs: nowUs,
      peer: peer.name,
      path: path.name,
      pathId: path.id,
      from,
      to,
      reason,
    });
    peer.attention = true;
    if (to === 'suspect') {
      this.rescueInTurn(path, `${path.name}: ${reason}`, nowUs);
      this.probeOthers(path, nowUs);
    } else if (to === 'down') this.rescue(path, `${path.name}: ${reason}`);
    else peer.replan();
    if (to === 'up' && from !== 'suspect') peer.mtu.restart(path);
    // What went out before says nothing about the state that begins now.
    if (to === 'down' || to === 'gated') this.closeTails(path);
    const answers = (from === 'suspect' || from === 'down' || from === 'gated') && (to === 'up' || to === 'gated');
    if (this.unrescued && (answers || (to === 'down' && this.hasAlternative(path)))) this.retryHeld();
  }

  /** What waited for a path goes out, except for what still depends on a path in doubt: that waits on. */
  private retryHeld(): void {
    this.unrescued = false;
    this.retriedUs[0] = this.peer.core.clock.nowUs;
    this.peer.sender.replayHeld();
  }

  /** What depends on a path in doubt becomes late meanwhile, and depends on it no longer: never while no path answers. */
  private get retryAtUs(): number {
    for (const { usable, state } of this.peer.paths) {
      if (usable && state === 'up') return this.retriedUs[0] + RETRY_HELD_US;
    }
    return Number.POSITIVE_INFINITY;
  }

  private hasAlternative(path: Path): boolean {
    return this.peer.paths.some(
      (other) => other !== path && other.usable && (other.state === 'up' || other.state === 'gated'),
    );
  }

  /** What was under way is not any more, and what was known of the path's capacity may be wrong. */
  private writeOff(path: Path): void {
    path.space?.sent.writeOff();
    this.peer.sessions.previous?.spaces[path.id]?.sent.writeOff();
    path.congestion.forget(this.peer.core.clock);
  }

  private closeTails(path: Path): void {
    path.space?.sent.closeTail();
    this.peer.sessions.previous?.spaces[path.id]?.sent.closeTail();
  }

  /** Are the others alive? When all are silent, the gateway is, and that should not wait for their next turn. */
  private probeOthers(path: Path, nowUs: number): void {
    for (const other of this.peer.paths) {
      if (other !== path && other.state === 'up' && nowUs - other.askedUs >= ACK_PROBE_INTERVAL_US) this.probe(other);
    }
  }

  /** When the tail of `path` was sent, whichever session it belongs to, and when it begins to mean silence. */
  private findTail(path: Path): void {
    const { tail, silent } = this;
    const before = this.peer.sessions.previous?.spaces[path.id];
    tail.reset();
    path.space?.sent.noteTail(path.evidence, tail);
    before?.sent.noteTail(path.evidence, tail);
    silent.reset();
    silent.note(Math.max(tail.us + path.patienceUs, path.quietUntilUs));
  }

  /**
   * The answer to the last packets of a path that loses some anyway is overdue. They go out again elsewhere, and probes
   * find out whether it is them or the path (probe timeout, RFC 9002 section 6.2).
   */
  private probeTail(path: Path, nowUs: number): void {
    const { space } = path;
    const { due } = this;
    due.reset();
    this.noteTailDue(path, due);
    if (space === undefined || nowUs < due.us) return;
    const isFirst = path.tailProbedUs < space.sent.tailSentAtUs;
    path.tailProbedUs = nowUs;
    this.probe(path);
    if (isFirst && this.hasAlternative(path)) this.peer.sender.replayTail(path);
  }

  /** When {@link probeTail} has something to do. */
  private noteTailDue(path: Path, earliest: Earliest): void {
    if (path.space === undefined) return;
    const overdueFromUs = Math.max(path.space.sent.tailSentAtUs + path.patienceUs, path.quietUntilUs);
    const pauseUs = this.peer.active ? TAIL_PROBE_US : Math.max(TAIL_PROBE_IDLE_US, path.rtt.expectedUs / 2);
    const turnUs = Math.max(path.tailProbedUs + pauseUs, this.peer.graceUntilUs);
    earliest.note(Math.max(overdueFromUs, turnUs));
  }

  /** When {@link judge} may have something to say that no arriving datagram announces. */
  private noteJudgement(path: Path, earliest: Earliest): void {
    if (path.state === 'up') {
      this.findTail(path);
      earliest.note(Math.max(this.silent.us, this.peer.graceUntilUs));
      if (!path.doubted) earliest.note(Math.max(this.tail.us + path.lateUs, this.peer.graceUntilUs));
      if (path.evidence > 1) this.noteTailDue(path, earliest);
    } else if (path.state === 'suspect') earliest.note(path.sinceUs + path.downAfterUs());
    // A gated path is looked at with every probe, one that is down with every answer.
  }

  // --- probes -------------------------------------------------------------------------------------------------------

  private noteProbe(path: Path, earliest: Earliest): void {
    // An idle gateway leaves probing to the vehicle, whose probes keep the NAT's mapping too, as long as they come.
    const waits = path.state === 'up' && this.peer.duty === undefined && !this.peer.active;
    if (waits) earliest.note(Math.max(path.askedUs, path.arrivedUs) + 2 * PROBE_IDLE_METERED_US);
    else earliest.note(path.askedUs + this.probeStepUs(path));
  }

  private probeStepUs(path: Path): number {
    const { active } = this.peer;
    switch (path.state) {
      case 'up':
        if (active) return PROBE_ACTIVE_US;
        if (this.isLifeline(path)) return PROBE_IDLE_BEST_US;
        return path.metered ? PROBE_IDLE_METERED_US : PROBE_IDLE_US;
      case 'suspect':
        return PROBE_SUSPECT_US;
      case 'gated':
        return PROBE_GATED_US;
      case 'down':
        if (active) return path.downStepUs;
        return path.metered ? PROBE_DOWN_IDLE_METERED_US : PROBE_DOWN_IDLE_US;
    }
  }

  /** The path by which an idle vehicle notices that the gateway is gone. */
  private isLifeline(path: Path): boolean {
    const { duty, scheduler } = this.peer;
    return duty !== undefined && path === scheduler.best && !path.metered;
  }

  // --- silence of the other direction -------------------------------------------------------------------------------

  private noteSilence(path: Path, earliest: Earliest): void {
    if (path.silenceReported) return;
    const { peer } = this;
    const packets = path.receive.recentPackets(peer.core.clock);
    if (packets < SILENCE_MIN_PACKETS) return;
    const gapUs = RATE_WINDOW_US / packets;
    const silentUs = Math.max(SILENCE_MIN_US, SILENCE_GAPS * gapUs + 4 * path.receive.jitterUs);
    earliest.note(Math.max(path.arrivedUs + silentUs, peer.graceUntilUs));
  }

  private reportSilence(path: Path): void {
    const { peer } = this;
    const { best, second } = peer.scheduler;
    const over = best === path ? second : best;
    path.silenceReported = true;
    if (over === undefined || path.space === undefined) return;
    peer.sender.beginFrames().silence(path.id, path.space.replay.largest);
    peer.sender.sendFrames(over, false);
  }
}
