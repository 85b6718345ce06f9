/** The traffic thread: {@link UdpTraffic} behind calls from the main thread. */
import { nowUs } from '@corridor/packet-io';
import type { DelayFigures, RecentFigures } from '../face.js';
import { takePrecedence } from '../thread/priority.js';
import { serve } from '../thread/rpc.js';
import { type UdpFlowPlan, UdpTraffic } from './udp-traffic.js';

const traffic = new UdpTraffic();

export interface UdpFigures {
  readonly id: number;
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly longestGapUs: number;
  readonly longestGapAtUs: number;
  readonly senderLatestUs: number;
  readonly firstArrivalUs: number;
  readonly lastArrivalUs: number;
  readonly delay: DelayFigures;
  readonly recent: RecentFigures;
}

const methods = {
  add(plan: UdpFlowPlan): void {
    traffic.add(plan);
  },

  stop(id: number): void {
    traffic.stop(id);
  },

  remove(id: number): void {
    traffic.remove(id);
  },

  figures(): UdpFigures[] {
    return traffic.ids().map(flowFigures);
  },

  nowUs(): number {
    return nowUs();
  },
};

export type TrafficMethods = typeof methods;

function flowFigures(id: number): UdpFigures {
  const { recorder, stopUs } = traffic.recorder(id);
  const now = nowUs();
  const { gapUs, atUs } = recorder.longestGap(Math.min(now, stopUs));
  return {
    id,
    sent: recorder.sent,
    received: recorder.received,
    duplicates: recorder.duplicates,
    reordered: recorder.reordered,
    longestGapUs: gapUs,
    longestGapAtUs: atUs,
    senderLatestUs: recorder.senderLatestUs[0],
    firstArrivalUs: recorder.firstArrivalUs,
    lastArrivalUs: recorder.lastArrivalUs,
    delay: recorder.delayFigures(),
    recent: recorder.recent(now, stopUs),
  };
}

takePrecedence();
serve(methods);
