/**
 * Drives one PathCongestion over a simulated link, as a path of a tunnel would: the application's bytes wait here, the
 * receiver acknowledges at most every 5 ms over a way back of its own, vital signs overdraw.
 */
import { AckReport, Clock, Earliest, PathCongestion } from '@corridor/tunnel';
import type { LinkDirection, Random, VirtualClock } from '../../src/index.js';

const ACK_INTERVAL_US = 5_000;
const ACK_EVERY_PACKETS = 256;
const REORDERING_THRESHOLD = 3; // packets, RFC 9002 section 6.1.1
const VITAL_BYTES = 150;
const LOST = Number.POSITIVE_INFINITY;

export interface FlowOptions {
  readonly packetBytes?: number;
  /** One-way delay and jitter of the way back, microseconds. */
  readonly backUs: number;
  readonly backJitterUs?: number;
  readonly startUs?: number;
  readonly stopUs?: number;
  /** Pause between vital signs; none without. */
  readonly vitalEveryUs?: number;
  /** What the application offers: everything, or `bytes` every `everyUs`. May be changed by {@link CongestedFlow.offer}. */
  readonly load?: Load;
  /** Rate of the receiver's clock against ours, parts per million. */
  readonly driftPpm?: number;
  /** Timers of the host are late by up to this. */
  readonly timerLateUs?: number;
  readonly expectBps?: number;
  /** Another congestion control than `PathCongestion`. */
  readonly congestion?: () => FlowCongestion;
  /** Bytes go in from here on, microseconds; those before are not counted. */
  readonly measureFromUs?: number;
}

/** What a flow asks and tells; `PathCongestion`, or what it is compared with. */
export type FlowCongestion = Pick<
  PathCongestion,
  'maySend' | 'mayOverdraw' | 'sent' | 'noteDeadline' | 'limitedByApplication' | 'expect' | 'acknowledged'
>;

export type Load = 'all' | 'nothing' | { readonly bytes: number; readonly everyUs: number };

export class CongestedFlow {
  readonly congestion: FlowCongestion;
  /** One-way delays, microseconds, of the data (a sample) and of the vital signs. */
  readonly delaysUs: number[] = [];
  readonly vitalDelaysUs: number[] = [];
  /** How long packets waited here for pacer and window, where the load is limited. */
  readonly waitsUs: number[] = [];
  /** From {@link FlowOptions.measureFromUs} on. */
  deliveredBytes = 0;
  sentPackets = 0;
  lostPackets = 0;
  vitalsHeldBack = 0;

  private readonly clock = new Clock();
  private readonly earliest = new Earliest();
  private readonly report = new AckReport();
  private sentAt = new Float64Array(1024);
  private arriveAt = new Float64Array(1024);
  private size = new Uint16Array(1024);
  private settled = new Uint8Array(1024);
  private next = 0;
  /** Receiver: everything below has arrived or never will. */
  private received = 0;
  private receivedBytes = 0;
  private largestReceived = -1;
  private lastAckUs = Number.NEGATIVE_INFINITY;
  private ackAtUs = Number.POSITIVE_INFINITY;
  /** Sender. */
  private base = 0;
  private largestAcked = -1;
  private wakeAtUs = Number.POSITIVE_INFINITY;
  private backlog = 0;
  /** Bytes offered and not sent yet, and when they came. */
  private readonly arrivals: { atUs: number; bytes: number }[] = [];
  private load: Load;
  private loadVersion = 0;
  private readonly packetBytes: number;
  private readonly fromUs: number;

  constructor(
    private readonly time: VirtualClock,
    private readonly link: LinkDirection,
    private readonly random: Random,
    private readonly options: FlowOptions,
  ) {
    this.congestion = options.congestion?.() ?? new PathCongestion();
    this.packetBytes = options.packetBytes ?? 1400;
    this.fromUs = options.measureFromUs ?? 0;
    this.load = options.load ?? 'all';
    time.schedule(options.startUs ?? 0, () => this.start());
  }

  /** From now on the application offers this. */
  offer(load: Load): void {
    this.load = load;
    this.backlog = 0;
    this.arrivals.length = 0;
    const version = ++this.loadVersion;
    if (typeof load !== 'object') {
      this.pump();
      return;
    }
    const arrive = () => {
      if (version !== this.loadVersion || this.stopped) return;
      this.backlog += load.bytes;
      this.arrivals.push({ atUs: this.time.nowUs, bytes: load.bytes });
      this.time.schedule(this.time.nowUs + load.everyUs, arrive);
      this.pump();
    };
    arrive();
  }

  private get stopped(): boolean {
    return this.time.nowUs >= (this.options.stopUs ?? Number.POSITIVE_INFINITY);
  }

  private start(): void {
    const { options } = this;
    this.clock.nowUs = this.time.nowUs;
    if (options.expectBps !== undefined) this.congestion.expect(options.expectBps, 30_000, this.clock);
    this.offer(this.load);
    if (options.vitalEveryUs !== undefined) this.sendVital(this.time.nowUs);
  }

  private sendVital(readyUs: number): void {
    if (this.stopped) return;
    const { clock, congestion, time } = this;
    clock.nowUs = time.nowUs;
    if (!congestion.maySend(VITAL_BYTES, clock) && !congestion.mayOverdraw(VITAL_BYTES, clock)) {
      this.vitalsHeldBack++;
      time.schedule(time.nowUs + 1_000, () => this.sendVital(readyUs));
      return;
    }
    const arriveUs = this.transmit(VITAL_BYTES);
    if (arriveUs < LOST && readyUs >= this.fromUs) this.vitalDelaysUs.push(arriveUs - readyUs);
    const every = this.options.vitalEveryUs as number;
    // Not in step with anything else on the link.
    time.schedule(time.nowUs + every * (0.5 + this.random.next()), () => this.sendVital(time.nowUs));
  }

  private pump(): void {
    const { clock, congestion, time, packetBytes } = this;
    if (this.stopped || this.load === 'nothing') return;
    clock.nowUs = time.nowUs;
    for (;;) {
      if (this.load !== 'all' && this.backlog < packetBytes) {
        congestion.limitedByApplication(clock);
        return;
      }
      if (!congestion.maySend(packetBytes, clock)) break;
      this.transmit(packetBytes);
      this.take(packetBytes);
    }
    this.earliest.reset();
    congestion.noteDeadline(this.earliest);
    if (this.earliest.us === Number.POSITIVE_INFINITY) return;
    const late = this.options.timerLateUs ?? 0;
    this.wakeAt(Math.max(time.nowUs + 1, this.earliest.us) + (late > 0 ? this.random.next() * late : 0));
  }

  /** A packet is made of the oldest bytes that wait. */
  private take(bytes: number): void {
    if (this.load === 'all') return;
    this.backlog -= bytes;
    let atUs = 0;
    for (let left = bytes; left > 0; ) {
      const oldest = this.arrivals[0];
      atUs = oldest.atUs;
      const taken = Math.min(left, oldest.bytes);
      oldest.bytes -= taken;
      left -= taken;
      if (oldest.bytes === 0) this.arrivals.shift();
    }
    if (atUs >= this.fromUs) this.waitsUs.push(this.time.nowUs - atUs);
  }

  private wakeAt(us: number): void {
    if (us >= this.wakeAtUs && this.wakeAtUs > this.time.nowUs) return;
    this.wakeAtUs = us;
    this.time.schedule(us, () => {
      if (this.wakeAtUs !== us) return;
      this.wakeAtUs = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }

  /** @returns when it arrives; LOST when it does not */
  private transmit(bytes: number): number {
    const { time, next } = this;
    if (next === this.sentAt.length) this.grow();
    const { nowUs } = time;
    const answer = this.link.offer(nowUs, bytes);
    const arriveUs = answer < 0 ? LOST : answer;
    this.sentAt[next] = nowUs;
    this.size[next] = bytes;
    this.arriveAt[next] = arriveUs;
    this.settled[next] = 0;
    this.next++;
    if (nowUs >= this.fromUs) {
      this.sentPackets++;
      if (arriveUs === LOST) this.lostPackets++;
    }
    this.clock.nowUs = nowUs;
    this.congestion.sent(bytes, this.clock);
    if (arriveUs < LOST) {
      if (arriveUs >= this.fromUs) {
        this.deliveredBytes += bytes;
        if (bytes !== VITAL_BYTES) this.delaysUs.push(arriveUs - nowUs);
      }
      if (this.ackAtUs === LOST) this.acknowledgeAt(Math.max(arriveUs, this.lastAckUs + ACK_INTERVAL_US));
      if (next - this.received === ACK_EVERY_PACKETS) this.acknowledgeAt(arriveUs);
    }
    return arriveUs;
  }

  private acknowledgeAt(us: number): void {
    if (us >= this.ackAtUs) return;
    this.ackAtUs = us;
    this.time.schedule(us, () => {
      if (this.ackAtUs !== us) return;
      this.ackAtUs = LOST;
      this.acknowledge(us);
    });
  }

  /** The receiver sends an acknowledgement. */
  private acknowledge(us: number): void {
    this.lastAckUs = us;
    for (; this.received < this.next; this.received++) {
      const at = this.arriveAt[this.received];
      if (at === LOST) continue;
      if (at > us) break;
      this.receivedBytes += this.size[this.received];
      this.largestReceived = this.received;
    }
    const largest = this.largestReceived;
    const bytes = this.receivedBytes;
    const delayUs = us - this.arriveAt[largest];
    if (this.received < this.next) this.acknowledgeAt(Math.max(this.arriveAt[this.received], us + ACK_INTERVAL_US));
    const { backUs, backJitterUs = 0 } = this.options;
    this.time.schedule(us + backUs + this.random.next() * backJitterUs, () => this.settle(largest, bytes, delayUs));
  }

  /** It arrives at the sender. */
  private settle(largest: number, receivedBytes: number, ackDelayUs: number): void {
    const { report, clock, time } = this;
    clock.nowUs = time.nowUs;
    report.clear();
    report.receivedBytes = receivedBytes;
    const ackedAt = this.arriveAt[largest] + ackDelayUs;
    if (largest > this.largestAcked) {
      this.largestAcked = largest;
      report.largestSentAtUs = this.sentAt[largest];
      report.largestBytes = this.size[largest];
      report.rttUs = time.nowUs - this.sentAt[largest] - ackDelayUs;
    }
    const arrived = Math.floor(this.arriveAt[largest] * (1 + (this.options.driftPpm ?? 0) / 1e6) + 3e9);
    report.arrivedStamp = arrived | 0;
    report.transitUs = (arrived - Math.floor(this.sentAt[largest])) | 0;
    for (let n = this.base; n <= this.largestAcked; n++) {
      if (this.settled[n] !== 0) continue;
      if (this.arriveAt[n] <= ackedAt) {
        report.ackedPackets++;
        report.ackedBytes += this.size[n];
      } else if (this.arriveAt[n] === LOST && n + REORDERING_THRESHOLD <= this.largestAcked) {
        report.lostPackets++;
        report.lostBytes += this.size[n];
      } else continue;
      this.settled[n] = 1;
    }
    while (this.base < this.next && this.settled[this.base] === 1) this.base++;
    this.congestion.acknowledged(report, clock);
    this.pump();
  }

  private grow(): void {
    const wider = <T extends Float64Array | Uint16Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const length = this.sentAt.length * 2;
    this.sentAt = wider(this.sentAt, new Float64Array(length));
    this.arriveAt = wider(this.arriveAt, new Float64Array(length));
    this.size = wider(this.size, new Uint16Array(length));
    this.settled = wider(this.settled, new Uint8Array(length));
  }
}
