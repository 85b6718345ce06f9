/** TCP over one bare link, without tunnel: what the link itself gives, to compare with. */
import { LinkDirection } from '../link-direction.js';
import { Random } from '../random.js';
import type { FlowResult, LinkSpec, TrafficSpec } from '../scenario.js';
import { VirtualClock } from '../virtual-clock.js';
import type { TcpNetwork } from './endpoint.js';
import { readSegment, TcpSegment } from './segment.js';
import { TcpFlow } from './tcp-flow.js';

export interface BareRun {
  readonly seed: number;
  readonly durationUs: number;
  /** Largest packet, bytes. Default 1,400, what the tunnel's inside has. */
  readonly mtu?: number;
  /** Bytes around each packet that cost rate. Default 0. */
  readonly overheadBytes?: number;
  /** The link changes on the way. */
  readonly steps?: readonly { readonly atUs: number; apply(up: LinkDirection, down: LinkDirection): void }[];
}

const MTU = 1_400;
const HOST_A = 0x0a4d0002;
const HOST_B = 0x0a630002;
const PORT = 5_000;

/** Runs the TCP flows of `traffic` side by side over `link`; each ends with the run. Other kinds are refused. */
export function runBareTcp(link: LinkSpec, traffic: readonly TrafficSpec[], run: BareRun): FlowResult[] {
  const clock = new VirtualClock();
  const random = new Random(run.seed);
  const mtu = run.mtu ?? MTU;
  const up = new LinkDirection(link.up, random.fork('up'));
  const down = new LinkDirection(link.down, random.fork('down'));
  const segment = new TcpSegment();
  const flows: TcpFlow[] = [];

  const across = (way: LinkDirection): TcpNetwork => ({
    get nowUs() {
      return clock.nowUs;
    },
    schedule: (atUs, action) => clock.schedule(atUs, action),
    transmit(count, write) {
      for (let i = 0; i < count; i++) {
        const bytes = new Uint8Array(mtu);
        const packet = bytes.subarray(0, write(i, bytes, 0));
        const deliver = () => {
          if (!readSegment(packet, 0, packet.length, segment)) throw new Error('a segment came out changed');
          flows[segment.destinationPort - PORT].arrived(segment);
        };
        const atUs = way.offer(clock.nowUs, packet.length + (run.overheadBytes ?? 0));
        if (atUs < 0) continue;
        clock.schedule(atUs, deliver);
        if (way.duplicateAtUs >= 0) clock.schedule(way.duplicateAtUs, deliver);
      }
    },
  });

  traffic.forEach((spec, index) => {
    if (spec.kind !== 'tcp') throw new RangeError(`traffic[${index}].kind: tcp was expected, got ${spec.kind}`);
    const isUp = spec.direction === 'up';
    const place = {
      vehicle: 0,
      name: `tcp ${spec.direction}`,
      from: isUp ? HOST_A : HOST_B,
      to: isUp ? HOST_B : HOST_A,
      port: PORT + index,
      mtu,
      startUs: spec.startUs ?? 0,
      stopUs: spec.stopUs ?? run.durationUs,
    };
    const flow = new TcpFlow(
      spec,
      place,
      random.fork(`tcp ${index}`),
      across(isUp ? up : down),
      across(isUp ? down : up),
    );
    flows.push(flow);
    flow.start();
  });
  for (const step of run.steps ?? []) clock.schedule(step.atUs, () => step.apply(up, down));
  clock.runUntil(run.durationUs);
  return flows.map((flow) => flow.result());
}
