/** Hands the frames of one datagram to the parts of the peer that they concern. */
import type { AckFrame, FrameVisitor, SilenceFrame } from '@corridor/wire';
import type { NumberSpace } from './number-space.js';
import type { Peer } from './peer.js';
import type { EngineRole } from './role.js';

export class PeerFrames implements FrameVisitor {
  private space: NumberSpace | undefined;

  constructor(private readonly role: EngineRole) {}

  /** The next frames came in a datagram of this space. */
  begin(space: NumberSpace): this {
    this.space = space;
    return this;
  }

  /** An acknowledgement of the datagram is all that a probe wants. */
  probe(): void {}

  ack(frame: AckFrame): void {
    const { space } = this;
    if (space !== undefined) this.peer.feedback.receive(frame, space.epoch, space.path);
  }

  silence(frame: SilenceFrame): void {
    this.peer.liveness.receiveSilence(frame);
  }

  /** The answer goes out on the path that is being validated, so it shows that this path works both ways. */
  pathChallenge(bytes: Uint8Array, at: number): void {
    const { peer } = this;
    const path = this.space?.path;
    if (path !== undefined && peer.sender.beginFrames().pathResponse(bytes, at)) peer.sender.sendFrames(path, true);
  }

  pathResponse(bytes: Uint8Array, at: number): void {
    this.peer.validation.respond(bytes, at);
  }

  pathInfo(pathId: number, version: number, priority: number, flags: number, name: string): void {
    if (this.role.followsAnnouncements) this.peer.announcements.receivePath(pathId, version, priority, flags, name);
  }

  pathInfoAck(pathId: number, version: number): void {
    this.peer.announcements.acknowledgePath(pathId, version);
  }

  policy(version: number, chunk: number, chunks: number, bytes: Uint8Array, at: number, length: number): void {
    if (!this.role.followsAnnouncements) return;
    this.peer.announcements.received.receive(version, chunk, chunks, bytes, at, length);
  }

  policyAck(version: number, accepted: boolean, reason: string): void {
    this.peer.announcements.policy.acknowledged(version, accepted, reason);
  }

  close(_code: number, reason: string): void {
    this.role.closedByPeer(this.peer, reason);
  }

  private get peer(): Peer {
    return (this.space as NumberSpace).epoch.peer;
  }
}
