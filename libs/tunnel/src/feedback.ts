/**
 * Acknowledgements of one peer, both ways. Sent at most every {@link ACK_INTERVAL_US}, the first after a pause at
 * once, over the best path of this direction; over two when one is in doubt, so that the loss of a path here does not
 * make the peer suspect its paths there.
 */
import type { AckFrame, FrameWriter } from '@corridor/wire';
import type { Earliest } from './clock.js';
import type { AckReport } from './congestion/index.js';
import {
  ACK_EVERY_PACKETS,
  ACK_INTERVAL_US,
  ACK_PROBE_INTERVAL_US,
  ACK_TWICE_US,
  ECHO_INTERVAL_US,
} from './constants.js';
import type { Epoch } from './epochs.js';
import type { NumberSpace } from './number-space.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import type { AckOutcome } from './sent-log.js';
import { LOSSES, MALFORMED } from './tally.js';

const SENT = 0;
const TWICE_UNTIL = 1;
/** Base delay of the path measured first, by which the others' are compared. */
const REFERENCE = 2;
/** One of so many acknowledgements goes over a second path while some class is sent in copies. */
const SPARE_EVERY = 3;

export class Feedback {
  /** Something waits for an acknowledgement of ours; inner packets are among it; it cannot wait. */
  private waiting = false;
  private waitingPackets = false;
  private urgent = false;
  private readonly times = new Float64Array([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
  private readonly frame: AckFrame;
  private readonly outcome: AckOutcome;
  private readonly report: AckReport;
  private hasReference = false;
  private token = 0;
  private spare = 0;

  constructor(private readonly peer: Peer) {
    const { ackFrame, ackOutcome, ackReport } = peer.core.scratch;
    this.frame = ackFrame;
    this.outcome = ackOutcome;
    this.report = ackReport;
  }

  /** A datagram arrived that asks for an acknowledgement. */
  noteAsking(space: NumberSpace, isPacket: boolean): void {
    this.waiting = true;
    if (isPacket) this.waitingPackets = true;
    if (++space.received.unacknowledged >= ACK_EVERY_PACKETS) this.urgent = true;
  }

  /** The peer sends again what arrived before: our acknowledgements get lost, or are late. */
  noteReplay(): void {
    this.urgent = true;
    this.times[TWICE_UNTIL] = this.peer.core.clock.nowUs + ACK_TWICE_US;
  }

  noteDeadline(earliest: Earliest): void {
    if (this.waiting) earliest.note(this.times[SENT] + ACK_INTERVAL_US);
    const { paths } = this.peer;
    for (let i = 0; i < paths.length; i++) {
      const { space } = paths[i];
      if (space !== undefined) earliest.note(space.sent.overtakenSentUs + paths[i].lossTimeUs);
    }
  }

  /** Packets that others have overtaken are lost when their time has passed, also if no acknowledgement says more. */
  expireLosses(nowUs: number): void {
    const { paths, core } = this.peer;
    for (let i = 0; i < paths.length; i++) {
      const { space } = paths[i];
      if (space === undefined || space.sent.overtakenSentUs + paths[i].lossTimeUs > nowUs) continue;
      this.peer.sender.losing = paths[i];
      space.sent.expire(core.slots, nowUs - paths[i].lossTimeUs, this.outcome, this.peer.sender);
      if (this.outcome.lost > 0) this.noteLosses(space);
    }
  }

  /** Sends acknowledgements when it is time; asked after every batch. */
  service(nowUs: number): void {
    if (!this.waiting) return;
    if (!this.urgent && nowUs < this.times[SENT] + ACK_INTERVAL_US) return;
    const { scheduler, sessions } = this.peer;
    const { best, second } = scheduler;
    this.waiting = false;
    // Without a path there is nothing to say it on; the peer's next datagram asks again.
    if (best === undefined) return;
    const twice = scheduler.twice || nowUs < this.times[TWICE_UNTIL] || this.isSpareDue();
    if (sessions.current !== undefined) this.send(sessions.current, best, twice ? second : undefined, nowUs);
    if (sessions.previous !== undefined) this.send(sessions.previous, best, twice ? second : undefined, nowUs);
    this.times[SENT] = nowUs;
    this.waitingPackets = false;
    this.urgent = false;
  }

  /** A class pays for copies and shall not wait for its answers: some go over a second path, in case the first dies. */
  private isSpareDue(): boolean {
    if (!this.peer.scheduler.hasCopies) return false;
    this.spare = (this.spare + 1) % SPARE_EVERY;
    return this.spare === 0;
  }

  private send(epoch: Epoch, first: Path, second: Path | undefined, nowUs: number): void {
    if (!hasUnacknowledged(epoch)) return;
    this.sendOn(epoch, first, nowUs);
    if (second !== undefined) this.sendOn(epoch, second, nowUs);
    this.echo(epoch, first, second, nowUs);
    for (const space of epoch.spaces) if (space !== undefined) space.received.unacknowledged = 0;
  }

  /** Now and then an acknowledgement goes back the way that the datagrams came. */
  private echo(epoch: Epoch, first: Path, second: Path | undefined, nowUs: number): void {
    for (const space of epoch.spaces) {
      if (space === undefined || space.received.unacknowledged === 0) continue;
      const { path } = space;
      if (!path.usable || nowUs - path.echoedUs < ECHO_INTERVAL_US) continue;
      path.echoedUs = nowUs;
      if (path === first || path === second) continue;
      const writer = this.peer.sender.beginFrames();
      this.write(writer, space, nowUs);
      this.peer.sender.sendFrames(path, false, epoch);
    }
  }

  private sendOn(epoch: Epoch, path: Path, nowUs: number): void {
    const writer = this.peer.sender.beginFrames();
    for (const space of epoch.spaces) {
      if (space !== undefined && space.received.unacknowledged > 0) this.write(writer, space, nowUs);
    }
    // An end that only receives would not notice that its acknowledgements vanish: now and then they ask for an
    // answer themselves. Only acknowledgements of packets do, or two ends would answer each other for ever.
    const probes =
      this.waitingPackets && nowUs - path.askedUs >= ACK_PROBE_INTERVAL_US && writer.probe(this.token++, 0);
    this.peer.sender.sendFrames(path, probes, epoch);
  }

  private write(writer: FrameWriter, space: NumberSpace, nowUs: number): void {
    const { frame } = this;
    const { received } = space;
    frame.pathId = space.path.id;
    frame.rangeCount = received.count;
    for (let i = 0; i < received.count; i++) {
      frame.ranges[2 * i] = received.last[i];
      frame.ranges[2 * i + 1] = received.first[i];
    }
    frame.largestReceivedAt = received.largestAtUs;
    frame.ackDelayUs = Math.max(0, nowUs - received.largestAtUs);
    frame.receivedPackets = received.packets;
    frame.receivedBytes = received.bytes;
    writer.ack(frame);
  }

  /** Takes in an acknowledgement that came over path `via`, sealed under `epoch`'s keys. */
  receive(frame: AckFrame, epoch: Epoch, via: Path): void {
    const { peer, outcome } = this;
    const { slots, clock } = peer.core;
    const { arrivedUs } = clock;
    const space = epoch.spaces[frame.pathId];
    if (space === undefined) {
      peer.tally.add(MALFORMED);
      return;
    }
    const { path } = space;
    const { feedback, send } = path;
    peer.sender.losing = path;
    if (!space.sent.acknowledge(frame, slots, arrivedUs - path.lossTimeUs, path.lossPackets, outcome, peer.sender)) {
      peer.tally.add(MALFORMED);
      return;
    }
    if (via === path) this.sampleOwnRoundTrip(frame, space);
    if (outcome.paddedBytes > 0 || outcome.largeLost > 0 || path.largeLost > 0) peer.mtu.noteOutcome(path, outcome);
    if (outcome.late > 0) path.noteReordering(clock.nowUs);
    send.count(outcome.packets, outcome.bytes, -outcome.late, clock);
    if (outcome.lost > 0) this.countLosses(path);
    if (outcome.largestSentAtUs >= 0) {
      send.transit(outcome.largestSentAtUs | 0, frame.largestReceivedAt | 0, clock);
      if (outcome.asking > 0) {
        feedback.sample(Math.max(1, arrivedUs - outcome.largestSentAtUs), frame.ackDelayUs, clock);
        path.updatePatience(clock.nowUs);
      }
    }
    this.tellCongestion(frame, space);
    if (outcome.asking === 0) return;
    if (path.state === 'suspect' && outcome.oldestAskingSentAtUs <= path.triggerUs) path.lateAnswer = true;
    path.answered(outcome.newestAskingSentAtUs, clock.nowUs);
    if (path.state !== 'up') peer.attention = true;
  }

  private tellCongestion(frame: AckFrame, space: NumberSpace): void {
    const { outcome, report, times } = this;
    const { path, epoch } = space;
    const { clock } = this.peer.core;
    report.ackedPackets = outcome.asking;
    report.ackedBytes = outcome.askingBytes;
    report.lostPackets = outcome.lostAsking;
    report.lostBytes = outcome.lostBytes;
    report.space = epoch.localIndex | 0;
    report.largestBytes = outcome.largestSize;
    report.largestSentAtUs = outcome.largestSentAtUs;
    report.rttUs = outcome.largestSentAtUs < 0 ? -1 : clock.arrivedUs - outcome.largestSentAtUs - frame.ackDelayUs;
    report.receivedBytes = frame.receivedBytes;
    report.arrivedStamp = frame.largestReceivedAt | 0;
    report.transitUs = (frame.largestReceivedAt - outcome.largestSentAtUs) | 0;
    path.congestion.acknowledged(report, clock);
    if (outcome.largestSentAtUs < 0) return;
    if (!this.hasReference) {
      this.hasReference = true;
      times[REFERENCE] = path.congestion.baseDelayUs;
    }
    path.noteDelay(times[REFERENCE]);
  }

  /** Losses that time has told, not an acknowledgement. */
  private noteLosses(space: NumberSpace): void {
    const { outcome, report } = this;
    const { path } = space;
    this.countLosses(path);
    report.clear();
    report.lostPackets = outcome.lostAsking;
    report.lostBytes = outcome.lostBytes;
    report.space = space.epoch.localIndex | 0;
    path.congestion.acknowledged(report, this.peer.core.clock);
    if (outcome.largeLost > 0) this.peer.mtu.noteOutcome(path, outcome);
  }

  private countLosses(path: Path): void {
    const { lost, lostRuns } = this.outcome;
    this.peer.tally.add(LOSSES, lost);
    // What a silence swallowed says nothing about the loss of the path once it is back.
    if (path.state === 'up' || path.state === 'suspect') {
      path.send.count(0, 0, lost, this.peer.core.clock);
      path.send.countBursts(lostRuns);
    } else path.send.loseUnseen(lost);
  }

  /** Also for what another acknowledgement has told before: it came over another path, and was faster or slower. */
  private sampleOwnRoundTrip(frame: AckFrame, space: NumberSpace): void {
    const sentUs = space.sent.sentUs(frame.ranges[0]);
    if (sentUs < 0) return;
    // The peer's own delay counts from the arrival to the sending of this very frame, so it can be taken off whole.
    const rttUs = this.peer.core.clock.arrivedUs - sentUs - frame.ackDelayUs;
    space.path.rtt.sample(Math.max(1, rttUs), 0, this.peer.core.clock);
  }
}

function hasUnacknowledged(epoch: Epoch): boolean {
  for (const space of epoch.spaces) if (space !== undefined && space.received.unacknowledged > 0) return true;
  return false;
}
