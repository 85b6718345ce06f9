import type { AckFrame, FrameVisitor, FrameWriter, SilenceFrame } from '../src/index.js';
import { AckFrame as Ack } from '../src/index.js';
import { fromHex, hex } from './vectors.js';

/** Any frame as plain data, as the vectors write it. */
export type FrameRecord =
  | { frame: 'PROBE'; token: number; padding: number }
  | {
      frame: 'ACK';
      pathId: number;
      ranges: [number, number][];
      largestReceivedAt: number;
      ackDelayUs: number;
      receivedPackets: number;
      receivedBytes: number;
    }
  | { frame: 'SILENCE'; pathId: number; largest: number }
  | { frame: 'PATH_CHALLENGE' | 'PATH_RESPONSE'; data: string }
  | { frame: 'PATH_INFO'; pathId: number; version: number; priority: number; flags: number; name: string }
  | { frame: 'PATH_INFO_ACK'; pathId: number; version: number }
  | { frame: 'POLICY'; version: number; chunk: number; chunks: number; data: string }
  | { frame: 'POLICY_ACK'; version: number; accepted: boolean; reason: string }
  | { frame: 'CLOSE'; code: number; reason: string };

/** A visitor that writes down what it is shown. */
export class FrameLog implements FrameVisitor {
  readonly frames: FrameRecord[] = [];

  probe(token: number, padding: number): void {
    this.frames.push({ frame: 'PROBE', token, padding });
  }

  ack(ack: AckFrame): void {
    const ranges: [number, number][] = [];
    for (let i = 0; i < ack.rangeCount; i++) ranges.push([ack.ranges[i * 2], ack.ranges[i * 2 + 1]]);
    const { pathId, largestReceivedAt, ackDelayUs, receivedPackets, receivedBytes } = ack;
    this.frames.push({ frame: 'ACK', pathId, ranges, largestReceivedAt, ackDelayUs, receivedPackets, receivedBytes });
  }

  silence({ pathId, largest }: SilenceFrame): void {
    this.frames.push({ frame: 'SILENCE', pathId, largest });
  }

  pathChallenge(bytes: Uint8Array, at: number): void {
    this.frames.push({ frame: 'PATH_CHALLENGE', data: hex(bytes.subarray(at, at + 8)) });
  }

  pathResponse(bytes: Uint8Array, at: number): void {
    this.frames.push({ frame: 'PATH_RESPONSE', data: hex(bytes.subarray(at, at + 8)) });
  }

  pathInfo(pathId: number, version: number, priority: number, flags: number, name: string): void {
    this.frames.push({ frame: 'PATH_INFO', pathId, version, priority, flags, name });
  }

  pathInfoAck(pathId: number, version: number): void {
    this.frames.push({ frame: 'PATH_INFO_ACK', pathId, version });
  }

  policy(version: number, chunk: number, chunks: number, bytes: Uint8Array, at: number, length: number): void {
    this.frames.push({ frame: 'POLICY', version, chunk, chunks, data: hex(bytes.subarray(at, at + length)) });
  }

  policyAck(version: number, accepted: boolean, reason: string): void {
    this.frames.push({ frame: 'POLICY_ACK', version, accepted, reason });
  }

  close(code: number, reason: string): void {
    this.frames.push({ frame: 'CLOSE', code, reason });
  }
}

export function writeFrame(writer: FrameWriter, record: FrameRecord): boolean {
  switch (record.frame) {
    case 'PROBE':
      return writer.probe(record.token, record.padding);
    case 'ACK':
      return writer.ack(ackFrame(record));
    case 'SILENCE':
      return writer.silence(record.pathId, record.largest);
    case 'PATH_CHALLENGE':
      return writer.pathChallenge(fromHex(record.data), 0);
    case 'PATH_RESPONSE':
      return writer.pathResponse(fromHex(record.data), 0);
    case 'PATH_INFO':
      return writer.pathInfo(record.pathId, record.version, record.priority, record.flags, record.name);
    case 'PATH_INFO_ACK':
      return writer.pathInfoAck(record.pathId, record.version);
    case 'POLICY': {
      const data = fromHex(record.data);
      return writer.policy(record.version, record.chunk, record.chunks, data, 0, data.length);
    }
    case 'POLICY_ACK':
      return writer.policyAck(record.version, record.accepted, record.reason);
    case 'CLOSE':
      return writer.close(record.code, record.reason);
  }
}

export function ackFrame(record: FrameRecord & { frame: 'ACK' }): AckFrame {
  const ack = new Ack();
  ack.pathId = record.pathId;
  ack.rangeCount = record.ranges.length;
  ack.ranges.set(record.ranges.flat().slice(0, ack.ranges.length));
  ack.largestReceivedAt = record.largestReceivedAt;
  ack.ackDelayUs = record.ackDelayUs;
  ack.receivedPackets = record.receivedPackets;
  ack.receivedBytes = record.receivedBytes;
  return ack;
}
