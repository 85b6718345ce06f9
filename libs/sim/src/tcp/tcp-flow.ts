/** One TCP connection with an application that always has data, from end to end, and what its receiver felt. */
import { FlowRecorder, percentile } from '../flow-recorder.js';

import type { Random } from '../random.js';
import {
  type FlowResult,
  TCP_SERIES_STEP_US,
  type TcpCongestion,
  type TcpDetail,
  type TrafficSpec,
} from '../scenario.js';
import { Bbr } from './bbr.js';
import type { TcpControl } from './control.js';
import { Cubic } from './cubic.js';
import type { TcpNetwork } from './endpoint.js';
import { TcpReceiver } from './receiver.js';
import type { TcpSegment } from './segment.js';
import { TcpSender } from './sender.js';

/** Where a flow runs: names for its result, and the addresses in its packets. */
export interface TcpPlace {
  readonly vehicle: number;
  readonly name: string;
  /** Inner addresses of the end that sends data and of the end that receives it. */
  readonly from: number;
  readonly to: number;
  /** The same at both ends. */
  readonly port: number;
  /** Largest packet of either end, bytes. */
  readonly mtu: number;
  readonly startUs: number;
  readonly stopUs: number;
}

export function controlOf(congestion: TcpCongestion, random: Random): TcpControl {
  if (congestion === 'cubic') return new Cubic();
  if (congestion === 'bbr') return new Bbr(() => random.next());
  throw new RangeError(`congestion: cubic or bbr was expected, got ${String(congestion)}`);
}

export class TcpFlow {
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
  private readonly recorder: FlowRecorder;
  private readonly series: number[] = [];
  private firstSentUs = new Float64Array(4096);
  private deliveredSegments = 0;
  private bytes = 0;

  /**
   * @param sending the network as the data's sender sees it.
   * @param receiving the same for its receiver.
   */
  constructor(
    spec: TrafficSpec,
    private readonly place: TcpPlace,
    random: Random,
    private readonly sending: TcpNetwork,
    private readonly receiving: TcpNetwork,
  ) {
    const { vehicle, name, from, to, port, mtu, stopUs } = place;
    const both = { sourcePort: port, destinationPort: port, dscp: spec.dscp ?? 0 };
    const ecn = spec.ecn ?? false;
    this.recorder = new FlowRecorder({ vehicle, flow: name, kind: spec.kind, direction: spec.direction });
    this.sender = new TcpSender(
      sending,
      { ...both, source: from, destination: to },
      {
        control: controlOf(spec.congestion ?? 'cubic', random),
        mtu,
        ecn,
        initialSequence: random.nextInt32() >>> 0,
        stopUs,
        sentFirst: (segment) => this.sentFirst(segment),
      },
    );
    this.receiver = new TcpReceiver(
      receiving,
      { ...both, source: to, destination: from },
      { mtu, ecn, initialSequence: random.nextInt32() >>> 0, delivered: (bytes) => this.delivered(bytes) },
    );
  }

  start(): void {
    this.sending.schedule(this.place.startUs, () => this.sender.open());
  }

  /** A packet of this flow came out at one of its ends. */
  arrived(segment: TcpSegment): void {
    if (segment.destination === this.place.to) this.receiver.receive(segment);
    else this.sender.receive(segment);
  }

  result(): FlowResult {
    const { sender, receiver, place } = this;
    const common = this.recorder.result(sender.sent, place.stopUs);
    return {
      ...common,
      received: receiver.segments - receiver.duplicates,
      lost: Math.max(0, sender.sent - receiver.segments),
      duplicates: receiver.duplicates,
      bytes: this.bytes,
      rateBps: (this.bytes * 8e6) / (place.stopUs - place.startUs),
      tcp: this.detail(),
    };
  }

  private detail(): TcpDetail {
    const { sender, place } = this;
    const steps = Math.ceil((place.stopUs - place.startUs) / TCP_SERIES_STEP_US);
    const sorted = Float64Array.from(sender.roundTrips).sort();
    return {
      retransmitted: sender.retransmitted,
      spurious: sender.spurious,
      recoveries: sender.recovery.recoveries,
      congestionMarks: sender.recovery.marks,
      timeouts: sender.timeouts,
      mss: sender.mss,
      minRttUs: sorted[0] ?? 0,
      rttP50Us: percentile(sorted, 50),
      seriesBytes: Array.from({ length: steps }, (_, step) => this.series[step] ?? 0),
    };
  }

  private sentFirst(segment: number): void {
    if (segment === this.firstSentUs.length) {
      const grown = new Float64Array(segment * 2);
      grown.set(this.firstSentUs);
      this.firstSentUs = grown;
    }
    this.firstSentUs[segment] = this.sending.nowUs;
  }

  private delivered(bytes: number): void {
    const { nowUs } = this.receiving;
    const { startUs, stopUs } = this.place;
    for (let rest = bytes; rest > 0; rest -= this.sender.mss) {
      const segment = this.deliveredSegments++;
      this.recorder.arrived(segment, this.firstSentUs[segment], nowUs);
    }
    if (nowUs >= stopUs) return;
    this.bytes += bytes;
    const step = Math.floor((nowUs - startUs) / TCP_SERIES_STEP_US);
    this.series[step] = (this.series[step] ?? 0) + bytes;
  }
}
