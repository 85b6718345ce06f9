/** One path under one epoch's keys: a packet number space in each direction (RFC 9000 section 12.3). */
import type { Epoch } from './epochs.js';
import type { Path } from './path.js';
import { PathReceiver } from './path-receiver.js';
import { ReplayWindow } from './replay-window.js';
import { SentLog } from './sent-log.js';

export class NumberSpace {
  /** Sending: what went out and what became of it. */
  readonly sent = new SentLog();
  /** Receiving: what is new, and what to acknowledge. */
  readonly replay = new ReplayWindow();
  readonly received = new PathReceiver();
  /** Where the small packet sent last waits to be sealed, and by which drain: see `Outgoing.extend`. */
  openEntry = 0;
  openDrain = 0;

  constructor(
    readonly epoch: Epoch,
    readonly path: Path,
  ) {}

  /** Whatever is in flight will not be acknowledged any more. */
  writeOff(): void {
    this.path.congestion.writeOff(this.sent.inFlightBytes);
    this.sent.writeOff();
  }

  /** Whatever went out was sent again under other keys; what still arrives under these is taken as before. */
  closeSending(): void {
    this.path.congestion.writeOff(this.sent.inFlightBytes);
    this.sent.close();
  }
}
