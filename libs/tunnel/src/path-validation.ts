/**
 * A path's datagrams come from a new address: a NAT rebound, a modem got another one, or somebody replays what he
 * caught from elsewhere. Sending follows the new address at once, but until it has answered a challenge it gets no
 * more than three times the bytes that came from it (RFC 9000 sections 8 and 9.3), and the old address is kept.
 *
 * The first address of a path needs no challenge: it is learnt from a datagram under the keys of a handshake.
 */

import { formatAddress } from './address.js';
import { ADDRESS_BYTES, type AddressRecord } from './batch.js';
import type { Earliest } from './clock.js';
import { CHALLENGE_RETRY_US, CHALLENGE_TRIES, UNVALIDATED_FACTOR } from './constants.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';

const CHALLENGE_BYTES = 8;

interface Attempt {
  readonly path: Path;
  readonly challenge: Uint8Array;
  readonly oldRoute: number;
  readonly oldSocket: number;
  readonly oldAddress: AddressRecord;
  tries: number;
  dueUs: number;
}

export class PathValidation {
  private attempts: Attempt[] = [];

  constructor(private readonly peer: Peer) {}

  /** Sends by `address` from now on. `bytes`: length of the datagram that came from there. */
  move(path: Path, socket: number, address: AddressRecord, bytes: number): void {
    const { core } = this.peer;
    const { nowUs } = core.clock;
    const running = this.attemptOf(path);
    const old = running ?? { oldRoute: path.route, oldSocket: path.socket, oldAddress: path.address.slice() };
    const from = formatAddress(path.address);
    if (running !== undefined) {
      core.routes.close(path.route);
      this.attempts = this.attempts.filter((one) => one !== running);
    }
    this.point(path, core.routes.open(socket, address), socket, address);
    core.emit({
      type: 'path-moved',
      atUs: nowUs,
      peer: this.peer.name,
      path: path.name,
      pathId: path.id,
      from,
      to: formatAddress(address),
    });
    if (running !== undefined && sameBytes(address, running.oldAddress)) {
      // Back at the address that is known to be good.
      core.routes.close(running.oldRoute);
      path.validating = false;
    } else {
      path.validating = true;
      path.budget = UNVALIDATED_FACTOR * bytes;
      const { oldRoute, oldSocket, oldAddress } = old;
      this.attempts.push({
        path,
        challenge: core.primitives.random(CHALLENGE_BYTES),
        oldRoute,
        oldSocket,
        oldAddress,
        tries: 0,
        dueUs: nowUs,
      });
    }
    this.peer.attention = true;
  }

  /** Where a datagram of `bytes` goes while the new address is not validated. */
  routeFor(path: Path, bytes: number): number {
    if (path.budget >= bytes) {
      path.budget -= bytes;
      return path.route;
    }
    return this.attemptOf(path)?.oldRoute ?? path.route;
  }

  /** A datagram came from the address that is being validated. */
  noteBytes(path: Path, bytes: number): void {
    path.budget += UNVALIDATED_FACTOR * bytes;
  }

  /** The 8 bytes at `bytes[at]` came back. */
  respond(bytes: Uint8Array, at: number): void {
    for (const attempt of this.attempts) {
      if (!attempt.challenge.every((byte, i) => byte === bytes[at + i])) continue;
      attempt.path.validating = false;
      this.peer.core.routes.close(attempt.oldRoute);
      this.attempts = this.attempts.filter((one) => one !== attempt);
      this.peer.liveness.validated(attempt.path);
      return;
    }
  }

  forget(path: Path): void {
    const attempt = this.attemptOf(path);
    if (attempt === undefined) return;
    this.peer.core.routes.close(attempt.oldRoute);
    path.validating = false;
    this.attempts = this.attempts.filter((one) => one !== attempt);
  }

  service(nowUs: number): void {
    for (const attempt of this.attempts) {
      if (nowUs < attempt.dueUs) continue;
      if (attempt.tries++ >= CHALLENGE_TRIES) {
        this.giveUp(attempt);
        continue;
      }
      attempt.dueUs = nowUs + CHALLENGE_RETRY_US;
      if (this.peer.sender.beginFrames().pathChallenge(attempt.challenge, 0))
        this.peer.sender.sendFrames(attempt.path, true);
    }
  }

  noteDeadline(earliest: Earliest): void {
    for (const attempt of this.attempts) earliest.note(attempt.dueUs);
  }

  /** The new address never answered: back to the old one. */
  private giveUp(attempt: Attempt): void {
    const { path, oldAddress } = attempt;
    const { core } = this.peer;
    const from = formatAddress(path.address);
    core.routes.close(path.route);
    this.point(path, attempt.oldRoute, attempt.oldSocket, oldAddress);
    path.validating = false;
    this.attempts = this.attempts.filter((one) => one !== attempt);
    core.emit({
      type: 'path-moved',
      atUs: core.clock.nowUs,
      peer: this.peer.name,
      path: path.name,
      pathId: path.id,
      from,
      to: formatAddress(oldAddress),
    });
  }

  private point(path: Path, route: number, socket: number, address: AddressRecord): void {
    path.route = route;
    path.socket = socket;
    for (let i = 0; i < ADDRESS_BYTES; i++) path.address[i] = address[i];
  }

  private attemptOf(path: Path): Attempt | undefined {
    return this.attempts.find((attempt) => attempt.path === path);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < ADDRESS_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}
