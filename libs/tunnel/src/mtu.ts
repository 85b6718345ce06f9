/**
 * Which datagrams fit each path, found out with padded probes (RFC 8899): the largest that the tunnel's own MTU asks
 * for first, smaller ones when that stays unanswered though the path works.
 *
 * A probe that is too big is no sign of a silent path, so its loss raises no suspicion. Until a size is known the path
 * is taken to carry everything; packets that do not fit are told so by ICMP and go over a path that carries them.
 */
import { FRAME_HEADER_BYTES, OVERHEAD_BYTES } from '@corridor/wire';
import type { Earliest } from './clock.js';
import { MTU_PROBE_SIZES, MTU_PROBE_TRIES, MTU_REPEAT_US } from './constants.js';
import type { NumberSpace } from './number-space.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';

const TOKEN_BYTES = 4;

/** What is known about the size of one path, and the probe under way. */
interface Search {
  /** Place in the list of sizes. */
  candidate: number;
  tries: number;
  /** Where the probe was sent, and as which packet; undefined: none is under way. */
  space: NumberSpace | undefined;
  packetNumber: number;
  /** When the probe counts as lost, or when the next search begins. */
  dueUs: number;
}

export class PathMtu {
  /** Sizes to try, largest first, bytes of UDP payload. */
  private readonly sizes: readonly number[];
  private readonly searches = new Map<Path, Search>();

  constructor(private readonly peer: Peer) {
    const full = peer.core.mtu + OVERHEAD_BYTES;
    this.sizes = [full, ...MTU_PROBE_SIZES.filter((size) => size < full)];
  }

  /** The path came up, or leads elsewhere now: what was known may be wrong. */
  restart(path: Path): void {
    this.searches.set(path, this.fresh());
    this.peer.attention = true;
  }

  forget(path: Path): void {
    this.searches.delete(path);
  }

  noteDeadline(earliest: Earliest): void {
    for (const search of this.searches.values()) earliest.note(search.dueUs);
  }

  service(nowUs: number): void {
    for (const [path, search] of this.searches) {
      if (path.space === undefined || path.state !== 'up' || !path.usable) {
        search.dueUs = Number.POSITIVE_INFINITY;
        continue;
      }
      if (search.space?.sent.isAcked(search.packetNumber)) this.found(path, search, nowUs);
      else if (nowUs < search.dueUs) continue;
      else if (path.maxDatagram > 0 && search.space === undefined && !this.peer.active)
        search.dueUs = nowUs + MTU_REPEAT_US;
      else this.next(path, search, nowUs);
    }
  }

  private found(path: Path, search: Search, nowUs: number): void {
    const size = this.sizes[search.candidate];
    search.space = undefined;
    search.dueUs = nowUs + MTU_REPEAT_US;
    if (path.maxDatagram === size) return;
    path.maxDatagram = size;
    this.peer.replan();
  }

  private next(path: Path, search: Search, nowUs: number): void {
    if (search.space === undefined) Object.assign(search, this.fresh());
    else if (search.tries >= MTU_PROBE_TRIES) {
      search.candidate++;
      search.tries = 0;
    }
    if (search.candidate >= this.sizes.length) {
      // Not even the smallest passed: that is no matter of size. Health has its own opinion.
      search.space = undefined;
      search.dueUs = nowUs + MTU_REPEAT_US;
      return;
    }
    this.probe(path, search, nowUs);
  }

  private probe(path: Path, search: Search, nowUs: number): void {
    const { peer } = this;
    const payload = this.sizes[search.candidate] - OVERHEAD_BYTES;
    const writer = peer.core.outgoing.beginFrames(payload);
    writer.probe(search.packetNumber, payload - FRAME_HEADER_BYTES - TOKEN_BYTES);
    search.space = path.space;
    search.packetNumber = path.space?.sent.next ?? 0;
    search.tries++;
    search.dueUs = nowUs + path.patienceUs;
    peer.sender.sendFrames(path, false);
  }

  private fresh(): Search {
    return { candidate: 0, tries: 0, space: undefined, packetNumber: 0, dueUs: this.peer.core.clock.nowUs };
  }
}
