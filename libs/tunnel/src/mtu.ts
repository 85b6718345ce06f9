/**
 * Which datagrams fit each path, found out with padded probes (RFC 8899): a {@link MtuSearch} per path, driven here.
 *
 * Every round of padded probes is followed by an ordinary one. Only when that, or anything sent later, is answered and
 * the padded ones are not, are they too big. Their loss is neither loss nor silence of the path. Until a size is known
 * a path is taken to carry everything; what was lost by that goes out again when the size is known.
 */
import { FRAME_HEADER_BYTES, OVERHEAD_BYTES, REPAIR_OVERHEAD_BYTES } from '@corridor/wire';
import type { Earliest } from './clock.js';
import { BLACK_HOLE_LOSSES, MTU_PROBE_WAIT_US, MTU_RAISE_FIRST_US, MTU_RAISE_US } from './constants.js';
import { MtuSearch } from './mtu-search.js';
import { NO_ROUTE, type Path } from './path.js';
import type { Peer } from './peer.js';
import type { AckOutcome } from './sent-log.js';

const TOKEN_BYTES = 4;

// Places in `times`.
/** When the round went out; Infinity while none is. */
const SENT = 0;
/** When the round is over, or the next search begins. */
const DUE = 1;
/** Pause before the path is asked for more. */
const PAUSE = 2;

/** What is under way on one path. */
class Probing {
  readonly times = new Float64Array([Number.POSITIVE_INFINITY, 0, 0]);

  constructor(
    readonly path: Path,
    readonly search: MtuSearch,
  ) {}
}

export class PathMtu {
  private probings: Probing[] = [];
  private token = 0;

  constructor(private readonly peer: Peer) {}

  /** The path came up, or leads elsewhere now: what was known may be wrong. */
  restart(path: Path): void {
    const { nowUs } = this.peer.core.clock;
    const probing = this.of(path) ?? this.add(path);
    const { search, times } = probing;
    search.restart();
    times[SENT] = Number.POSITIVE_INFINITY;
    times[DUE] = nowUs;
    times[PAUSE] = MTU_RAISE_FIRST_US;
    path.largeLost = 0;
    this.peer.attention = true;
  }

  forget(path: Path): void {
    this.probings = this.probings.filter((one) => one.path !== path);
    path.maxDatagram = 0;
  }

  noteDeadline(earliest: Earliest): void {
    for (const { path, times } of this.probings) if (canProbe(path)) earliest.note(times[DUE]);
  }

  service(nowUs: number): void {
    for (const probing of this.probings) {
      if (nowUs >= probing.times[DUE] && canProbe(probing.path)) this.next(probing, nowUs);
    }
  }

  /**
   * An acknowledgement for `path` told of padded probes, or of large datagrams that were lost while others arrived
   * (RFC 8899 section 4.4: black hole detection).
   */
  noteOutcome(path: Path, outcome: AckOutcome): void {
    const probing = this.of(path);
    if (probing === undefined) return;
    const { search } = probing;
    if (outcome.paddedBytes > 0 && search.arrived(outcome.paddedBytes)) this.goOn(probing);
    // Losses above the known size are those by which it became known.
    if (path.maxDatagram > 0 && outcome.leastLargeLost > path.maxDatagram && path.largeLost === 0) return;
    if (path.largeLost === 0) path.leastLargeLost = outcome.leastLargeLost;
    else path.leastLargeLost = Math.min(path.leastLargeLost, outcome.leastLargeLost);
    path.largeLost = outcome.largestBytes >= path.leastLargeLost ? 0 : path.largeLost + outcome.largeLost;
    if (path.largeLost >= BLACK_HOLE_LOSSES && search.isDone) this.restart(path);
  }

  /** A repair is longer than the longest packet it covers; where only that one fits, repairs of it go elsewhere. */
  private add(path: Path): Probing {
    const packet = this.peer.core.mtu + OVERHEAD_BYTES;
    const probing = new Probing(path, new MtuSearch(packet + REPAIR_OVERHEAD_BYTES, packet));
    this.probings.push(probing);
    return probing;
  }

  private of(path: Path): Probing | undefined {
    return this.probings.find((one) => one.path === path);
  }

  private next(probing: Probing, nowUs: number): void {
    const { search, times, path } = probing;
    if (search.isDone) {
      if (search.result >= search.full) times[DUE] = Number.POSITIVE_INFINITY;
      else if (!this.peer.active) times[DUE] = nowUs + times[PAUSE];
      else {
        times[PAUSE] = Math.min(MTU_RAISE_US, times[PAUSE] * 2);
        search.raise();
        this.sendRound(probing, nowUs);
      }
      return;
    }
    // Without an answer to what went out with the round or later, the round says nothing, and goes out again.
    if (path.answeredSentUs < times[SENT]) this.sendRound(probing, nowUs);
    else {
      search.over();
      this.goOn(probing);
    }
  }

  /** The search has moved on: its result is put to use, and the next round goes out. */
  private goOn(probing: Probing): void {
    const { nowUs } = this.peer.core.clock;
    const { path, search, times } = probing;
    this.apply(path, search.result);
    if (search.isDone) {
      times[SENT] = Number.POSITIVE_INFINITY;
      times[DUE] = search.result < search.full ? nowUs + times[PAUSE] : Number.POSITIVE_INFINITY;
    } else this.sendRound(probing, nowUs);
  }

  private apply(path: Path, size: number): void {
    const before = path.maxDatagram;
    if (size === before) return;
    path.maxDatagram = size;
    path.largeLost = 0;
    this.peer.replan();
    if (before === 0 || size < before) this.peer.sender.replayTooBig(path);
  }

  private sendRound(probing: Probing, nowUs: number): void {
    const { path, search, times } = probing;
    for (const size of search.round()) this.sendPadded(path, size);
    this.peer.liveness.probe(path);
    times[SENT] = nowUs;
    times[DUE] = nowUs + Math.max(MTU_PROBE_WAIT_US, path.patienceUs);
  }

  private sendPadded(path: Path, size: number): void {
    const payload = size - OVERHEAD_BYTES;
    const writer = this.peer.core.outgoing.beginFrames(payload);
    if (!writer.probe(this.token++, payload - FRAME_HEADER_BYTES - TOKEN_BYTES)) return;
    this.peer.sender.sendPadded(path);
  }
}

function canProbe(path: Path): boolean {
  const works = path.state === 'up' || path.state === 'suspect';
  return works && path.usable && path.route !== NO_ROUTE && !path.validating && path.space !== undefined;
}
