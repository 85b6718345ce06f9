/**
 * What a TCP sender does about loss and congestion marks: tcp_fastretrans_alert of Linux with proportional rate reduction
 * (RFC 6937), and the undoing of recoveries that were needless (RFC 3708 by DSACK, RFC 3522 by timestamps).
 */
import type { TcpControl } from './control.js';
import { sequenceDistance, timestampOf } from './endpoint.js';
import type { Scoreboard } from './scoreboard.js';

/** States of congestion, by the names of Linux. */
const OPEN = 0;
const REDUCED = 1; // CWR: slowing down for a congestion mark
const RECOVERY = 2;
const LOSS = 3; // after a timeout

export class Recovery {
  /** Recoveries for loss, and reductions for congestion marks. */
  recoveries = 0;
  marks = 0;
  /** The next segment tells the receiver that its mark was heard (RFC 3168's CWR). */
  announce = false;

  private state = OPEN;
  /** It ends when everything sent before this segment is acknowledged. */
  private ends = 0;
  private delivered = 0;
  private sent = 0;
  private priorWindow = 0;
  private priorThreshold = 0;
  private undoFrom = -1;
  /** Retransmissions of this recovery that no DSACK has named; -1 before the first. */
  private undoRetransmissions = -1;
  /** Timestamp of the recovery's first retransmission; -1 before it. */
  private retransmittedStamp = -1;

  constructor(
    private readonly board: Scoreboard,
    private readonly control: TcpControl,
    /** A timeout was needless: its back-off, too. */
    private readonly timeoutUndone: () => void,
  ) {}

  get isOpen(): boolean {
    return this.state === OPEN;
  }

  /** Loss is being recovered from. */
  get isRecovering(): boolean {
    return this.state >= RECOVERY;
  }

  /** {@link reduceWindow} sets the window, not its control. */
  get isReducing(): boolean {
    return (this.state === REDUCED || this.state === RECOVERY) && !this.control.ownsRecovery;
  }

  noteSent(): void {
    this.sent++;
  }

  noteRetransmitted(nowUs: number): void {
    this.undoRetransmissions = Math.max(0, this.undoRetransmissions) + 1;
    if (this.retransmittedStamp < 0) this.retransmittedStamp = timestampOf(nowUs);
  }

  /** The receiver had `segment` twice. */
  noteDsack(segment: number): void {
    if (this.undoFrom >= 0 && segment >= this.undoFrom && this.undoRetransmissions > 0) this.undoRetransmissions--;
  }

  /**
   * After an acknowledgement, or when the reordering window has passed.
   * @param advanced it acknowledges more than the one before
   * @param echo its timestamp's echo
   */
  update(advanced: boolean, echo: number, isMarked: boolean): void {
    const { board } = this;
    if (this.state !== OPEN && board.una >= this.ends) this.end(echo);
    else if (this.state === RECOVERY) this.undoPartly(advanced, echo);
    else if (this.state === LOSS && advanced && this.wasDelayed(echo)) this.undoTimeout();
    if (board.lostOut > 0 && this.state < RECOVERY) this.enter();
    if (!isMarked || this.state !== OPEN) return;
    this.marks++;
    this.begin(REDUCED);
    this.announce = true;
  }

  /** Proportional rate reduction, with the bound of slow start where it is safe. */
  reduceWindow(delivered: number, lost: number, advanced: boolean): void {
    const { control } = this;
    if (delivered === 0 && lost === 0) return;
    const inFlight = this.board.inFlight;
    this.delivered += delivered;
    const room = control.slowStartThreshold - inFlight;
    let send: number;
    if (room < 0) {
      send = Math.ceil((control.slowStartThreshold * this.delivered) / this.priorWindow) - this.sent;
    } else {
      send = Math.max(this.delivered - this.sent, delivered);
      if (advanced && lost === 0) send++;
      send = Math.min(room, send);
    }
    control.window = inFlight + Math.max(send, this.sent > 0 ? 0 : 1);
  }

  /** A retransmission timeout (RFC 6298 section 5); the board knows what is lost afterwards. */
  timedOut(nowUs: number): void {
    const { board, control } = this;
    if (this.state !== LOSS || board.una >= this.ends) {
      this.priorWindow = this.state === OPEN ? control.window : Math.max(control.window, this.priorWindow);
      this.priorThreshold = control.slowStartThreshold;
      control.congestion(board.inFlight);
      this.startUndo();
    }
    control.timedOut();
    board.markTimedOut(nowUs);
    this.undoRetransmissions = -1;
    control.window = board.inFlight + 1;
    this.ends = board.next;
    this.state = LOSS;
  }

  private enter(): void {
    this.recoveries++;
    // A window that is being reduced for a mark is not reduced twice.
    const already = this.state === REDUCED;
    if (already) this.state = RECOVERY;
    else this.begin(RECOVERY);
    this.ends = this.board.next;
    this.startUndo();
    if (already) this.priorWindow = Math.max(this.priorWindow, this.control.window);
  }

  private begin(state: number): void {
    const { control } = this;
    this.priorWindow = control.window;
    this.priorThreshold = control.slowStartThreshold;
    control.congestion(this.board.inFlight);
    this.delivered = 0;
    this.sent = 0;
    this.ends = this.board.next;
    this.state = state;
  }

  private end(echo: number): void {
    const was = this.state;
    this.state = OPEN;
    if (was >= RECOVERY) this.board.rackRecoveryEnded();
    if (was >= RECOVERY && this.mayUndo(echo)) {
      this.undo();
      return;
    }
    this.undoFrom = -1;
    if (was !== LOSS) this.control.recovered();
  }

  private startUndo(): void {
    this.undoFrom = this.board.una;
    this.undoRetransmissions = this.board.retransmissionsOut > 0 ? this.board.retransmissionsOut : -1;
    this.retransmittedStamp = -1;
  }

  /** The acknowledgement echoes a time before the first retransmission: it was the first copy that arrived. */
  private wasDelayed(echo: number): boolean {
    return this.retransmittedStamp >= 0 && sequenceDistance(this.retransmittedStamp, echo) < 0;
  }

  private mayUndo(echo: number): boolean {
    return this.undoFrom >= 0 && (this.undoRetransmissions === 0 || this.wasDelayed(echo));
  }

  private undo(): void {
    this.control.undo(this.priorWindow, this.priorThreshold);
    this.undoFrom = -1;
  }

  private undoPartly(advanced: boolean, echo: number): void {
    const { board } = this;
    const byDsack = this.undoFrom >= 0 && this.undoRetransmissions === 0;
    if (!byDsack && !(advanced && this.undoFrom >= 0 && this.wasDelayed(echo))) return;
    if (byDsack) board.reorderingSeen = true;
    if (board.retransmissionsOut > 0) return;
    this.undo();
    this.state = OPEN;
  }

  private undoTimeout(): void {
    this.board.unmarkLost();
    this.undo();
    this.timeoutUndone();
    this.state = OPEN;
  }
}
