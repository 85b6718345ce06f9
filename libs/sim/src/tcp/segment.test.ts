import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import {
  ACK,
  CONGESTION_EXPERIENCED,
  DATA_HEADER_BYTES,
  ECT_0,
  isTcp,
  readSegment,
  SYN,
  TcpSegment,
  writeSegment,
} from './segment.js';

function randomSegment(random: Random): TcpSegment {
  const segment = new TcpSegment();
  const word = () => random.nextInt32() >>> 0;
  Object.assign(segment, {
    source: word(),
    destination: word(),
    sourcePort: random.below(65536),
    destinationPort: random.below(65536),
    dscp: random.below(64),
    ecn: random.below(4),
    sequence: word(),
    acknowledgement: word(),
    window: random.below(65536),
    timestamp: word(),
    echo: word(),
  });
  if (random.below(4) === 0) {
    Object.assign(segment, { flags: SYN, mss: 500 + random.below(1_000), windowScale: random.below(15) });
    return segment;
  }
  segment.flags = ACK;
  segment.payloadBytes = random.below(2) === 0 ? 0 : random.below(1_300);
  segment.sackBlocks = random.below(4);
  for (let i = 0; i < segment.sackBlocks; i++) {
    segment.sackLeft[i] = word();
    segment.sackRight[i] = word();
  }
  return segment;
}

describe('a segment', () => {
  it('comes out as it went in', () => {
    const random = new Random(3);
    const bytes = new Uint8Array(1_600).fill(0xee);
    for (let round = 0; round < 500; round++) {
      const segment = randomSegment(random);
      const at = random.below(100);
      const length = writeSegment(bytes, at, segment);
      const back = new TcpSegment();
      expect(isTcp(bytes, at, length)).toBe(true);
      expect(readSegment(bytes, at, length, back)).toBe(true);
      for (let i = segment.sackBlocks; i < 3; i++) back.sackLeft[i] = back.sackRight[i] = 0;
      expect(back).toEqual(segment);
    }
  });

  it('is refused with any bit of it changed', () => {
    const random = new Random(4);
    const bytes = new Uint8Array(400);
    for (let round = 0; round < 20; round++) {
      const segment = randomSegment(random);
      segment.payloadBytes = Math.min(segment.payloadBytes, 60);
      const length = writeSegment(bytes, 0, segment);
      for (let bit = 0; bit < length * 8; bit++) {
        bytes[bit >> 3] ^= 1 << (bit & 7);
        expect(readSegment(bytes, 0, length, new TcpSegment()), `bit ${bit}`).toBe(false);
        bytes[bit >> 3] ^= 1 << (bit & 7);
      }
      expect(readSegment(bytes, 0, length - 1, new TcpSegment())).toBe(false);
    }
  });

  it('may be marked on the way, with its header checksum set right', () => {
    const segment = randomSegment(new Random(9));
    Object.assign(segment, { flags: ACK, ecn: ECT_0, payloadBytes: 100, sackBlocks: 0 });
    const bytes = new Uint8Array(400);
    const length = writeSegment(bytes, 0, segment);
    expect(length).toBe(DATA_HEADER_BYTES + 100);
    bytes[1] |= CONGESTION_EXPERIENCED;
    // RFC 1624: one more in the sum is one less in the checksum.
    const view = new DataView(bytes.buffer);
    view.setUint16(10, view.getUint16(10) - 1);
    const back = new TcpSegment();
    expect(readSegment(bytes, 0, length, back)).toBe(true);
    expect(back.ecn).toBe(CONGESTION_EXPERIENCED);
  });
});
