/**
 * UDP senders and receivers in whatever namespaces they are asked for, all in one thread: packets leave when they are
 * due by the timer, not by setInterval, and are stamped with the kernel's time when they arrive.
 *
 * A packet's payload: u32 mark, u32 flow, u32 sequence, u32 zero, f64 time sent (CLOCK_MONOTONIC us), then filling.
 */
import { DatagramSender, DeadlineTimer, nowUs, receiveBatch, UdpSocket } from '@corridor/packet-io';
import { DatagramOutbox } from '@corridor/tunnel';
import { addressRecord } from '../emulator/ip.js';
import { FlowRecorder } from './recorder.js';

export interface UdpFlowPlan {
  readonly id: number;
  readonly fromNetns: string;
  readonly toNetns: string;
  readonly family: 4 | 6;
  /** Receiver's address and port. */
  readonly address: string;
  readonly port: number;
  /** Bytes of the IP packet. */
  readonly bytes: number;
  readonly intervalUs: number;
  readonly dscp: number;
  /** Device that the sender binds to. Default none: routes decide. */
  readonly device?: string;
  /** When the first packet is due and when the last may be; default now and never. */
  readonly startUs?: number;
  readonly stopUs?: number;
}

const MARK = 0x4c41_4243;
const STAMP_BYTES = 24;
const RECEIVE_BATCH = 256;
/** Packets sent for one flow before others get their turn, when the thread is behind. */
const CATCH_UP = 64;

/** Smallest packet that has room for the stamp. */
export function smallestPacket(family: 4 | 6): number {
  return headerBytes(family) + STAMP_BYTES;
}

function headerBytes(family: 4 | 6): number {
  return (family === 4 ? 20 : 40) + 8;
}

class UdpFlow {
  readonly recorder: FlowRecorder;
  readonly payloadBytes: number;
  /** Next due time and end. */
  readonly times = new Float64Array(2);
  next = 0;

  constructor(
    readonly plan: UdpFlowPlan,
    readonly sending: UdpSocket,
    readonly receiving: UdpSocket,
  ) {
    const startUs = plan.startUs ?? nowUs();
    this.recorder = new FlowRecorder(startUs, plan.intervalUs, plan.bytes);
    this.payloadBytes = plan.bytes - headerBytes(plan.family);
    this.times[0] = startUs;
    this.times[1] = plan.stopUs ?? Number.POSITIVE_INFINITY;
  }
}

export class UdpTraffic {
  /** Datagrams that were none of ours. */
  strangers = 0;
  private readonly flows = new Map<number, UdpFlow>();
  private readonly sending: UdpFlow[] = [];
  private readonly sender = new DatagramSender();
  private readonly outbox = new DatagramOutbox(CATCH_UP);
  private readonly view: DataView;
  private readonly arrivals = receiveBatch(RECEIVE_BATCH);
  private readonly arrivalView: DataView;
  private readonly timer = new DeadlineTimer(() => this.sendDue());

  constructor() {
    const { bytes } = this.outbox;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const arena = this.arrivals.bytes;
    this.arrivalView = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
  }

  add(plan: UdpFlowPlan): void {
    if (plan.bytes < smallestPacket(plan.family)) {
      throw new RangeError(`flow ${plan.id}: packets of at least ${smallestPacket(plan.family)} bytes were expected`);
    }
    const { family, dscp, device } = plan;
    const receiving = UdpSocket.open({ id: plan.id * 2 + 1, family, port: plan.port, netns: plan.toNetns });
    const sending = UdpSocket.open({ id: plan.id * 2, family, netns: plan.fromNetns, dscp, device });
    const flow = new UdpFlow(plan, sending, receiving);
    this.sender.attach(sending);
    this.sender.set(plan.id, sending.id, addressRecord(plan.address, plan.port));
    receiving.onReadable = () => this.receive(receiving);
    receiving.start();
    this.flows.set(plan.id, flow);
    this.sending.push(flow);
    this.sendDue();
  }

  /** Ends the sender of a flow; arrivals are still recorded. */
  stop(id: number): void {
    const flow = this.flow(id);
    flow.times[1] = Math.min(flow.times[1], nowUs());
    this.endSender(flow);
  }

  /** Forgets a flow. */
  remove(id: number): void {
    const flow = this.flow(id);
    this.endSender(flow);
    flow.receiving.close();
    this.flows.delete(id);
  }

  recorder(id: number): { recorder: FlowRecorder; stopUs: number } {
    const flow = this.flow(id);
    return { recorder: flow.recorder, stopUs: flow.times[1] };
  }

  ids(): number[] {
    return [...this.flows.keys()];
  }

  private flow(id: number): UdpFlow {
    const flow = this.flows.get(id);
    if (flow === undefined) throw new Error(`there is no flow ${id}`);
    return flow;
  }

  private endSender(flow: UdpFlow): void {
    const at = this.sending.indexOf(flow);
    if (at < 0) return;
    this.sending.splice(at, 1);
    this.sender.delete(flow.plan.id);
    this.sender.detach(flow.sending.id);
    flow.sending.close();
  }

  private sendDue(): void {
    let nextUs = Number.POSITIVE_INFINITY;
    for (let i = this.sending.length - 1; i >= 0; i--) {
      const flow = this.sending[i];
      this.sendFlow(flow);
      if (flow.times[0] >= flow.times[1]) this.endSender(flow);
      else if (flow.times[0] < nextUs) nextUs = flow.times[0];
    }
    this.timer.arm(nextUs);
  }

  private sendFlow(flow: UdpFlow): void {
    const { outbox, view } = this;
    const { times, recorder, plan } = flow;
    let now = nowUs();
    outbox.count = 0;
    while (times[0] <= now && times[0] < times[1] && outbox.count < CATCH_UP) {
      const at = outbox.count * (outbox.bytes.length / outbox.capacity);
      outbox.offset[outbox.count] = at;
      outbox.length[outbox.count] = flow.payloadBytes;
      outbox.route[outbox.count] = plan.id;
      outbox.count++;
      view.setUint32(at, MARK, true);
      view.setUint32(at + 4, plan.id, true);
      view.setUint32(at + 8, flow.next++, true);
      view.setUint32(at + 12, 0, true);
      now = nowUs();
      view.setFloat64(at + 16, now, true);
      if (now - times[0] > recorder.senderLatestUs[0]) recorder.senderLatestUs[0] = now - times[0];
      // By multiplication, so that the rate is exact however long the flow lasts.
      times[0] = recorder.startUs + flow.next * plan.intervalUs;
    }
    if (outbox.count === 0) return;
    recorder.sent += outbox.count;
    this.sender.send(outbox);
  }

  private receive(socket: UdpSocket): void {
    const { arrivals, arrivalView } = this;
    for (;;) {
      const count = socket.receive(arrivals);
      for (let i = 0; i < count; i++) {
        const at = arrivals.offset[i];
        const flow = this.flows.get(arrivals.socket[i] >> 1);
        if (flow === undefined || arrivals.length[i] < STAMP_BYTES || arrivalView.getUint32(at, true) !== MARK) {
          this.strangers++;
          continue;
        }
        const sequence = arrivalView.getUint32(at + 8, true);
        if (sequence >= flow.next) this.strangers++;
        else flow.recorder.arrived(sequence, arrivalView.getFloat64(at + 16, true), arrivals.receivedAtUs[i]);
      }
      if (count < arrivals.capacity && arrivals.restOf === undefined) return;
    }
  }
}
