import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ackFrame, FrameLog, type FrameRecord, writeFrame } from '../test/frame-log.js';
import { frameVectors, fromHex, hex } from '../test/vectors.js';
import { asksForAck, FRAME_PROBE, FrameWriter, readFrames } from './index.js';

const u8 = fc.nat({ max: 0xff });
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.nat({ max: 0xffff_ffff });
const u48 = fc.oneof(fc.nat({ max: 2 ** 48 - 1 }), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1));
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const data = fc.uint8Array({ maxLength: 60 }).map(hex);
const opaque = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(hex);

const ack: fc.Arbitrary<FrameRecord> = fc
  .record({
    pathId: u8,
    largest: u48,
    steps: fc.array(fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 5000 })), { minLength: 1, maxLength: 32 }),
    largestReceivedAt: u32,
    ackDelayUs: u32,
    receivedPackets: u48,
    receivedBytes: u48,
  })
  .map(({ largest, steps, ...rest }) => {
    const ranges: [number, number][] = [];
    let top = largest;
    for (const [length, gap] of steps) {
      if (top < 0) break;
      const bottom = Math.max(0, top - length);
      ranges.push([top, bottom]);
      top = bottom - gap - 2;
    }
    return { frame: 'ACK', ranges, ...rest };
  });

const anyFrame: fc.Arbitrary<FrameRecord> = fc.oneof(
  fc.record({ frame: fc.constant('PROBE' as const), token: fc.integer(), padding: fc.nat({ max: 100 }) }),
  ack,
  fc.record({ frame: fc.constant('SILENCE' as const), pathId: u8, largest: u48 }),
  fc.record({ frame: fc.constantFrom('PATH_CHALLENGE' as const, 'PATH_RESPONSE' as const), data: opaque }),
  fc.record({
    frame: fc.constant('PATH_INFO' as const),
    pathId: u8,
    version: u32,
    priority: u16,
    flags: u8,
    name: text,
  }),
  fc.record({ frame: fc.constant('PATH_INFO_ACK' as const), pathId: u8, version: u32 }),
  fc
    .record({ frame: fc.constant('POLICY' as const), version: u32, chunk: u16, chunks: u16, data })
    .filter(({ chunk, chunks }) => chunk < chunks),
  fc.record({ frame: fc.constant('POLICY_ACK' as const), version: u32, accepted: fc.boolean(), reason: text }),
  fc.record({ frame: fc.constant('CLOSE' as const), code: u16, reason: text }),
);

function encode(frames: readonly FrameRecord[], bytes = new Uint8Array(0x1_0000), offset = 3): Uint8Array {
  const writer = new FrameWriter();
  writer.begin(bytes, offset, bytes.length - offset);
  for (const frame of frames) expect(writeFrame(writer, frame)).toBe(true);
  return bytes.slice(offset, offset + writer.length);
}

function decode(bytes: Uint8Array): { sound: boolean; frames: FrameRecord[] } {
  const log = new FrameLog();
  const sound = readFrames(bytes, 0, bytes.length, log);
  return { sound, frames: log.frames };
}

describe('frames', () => {
  it.each(frameVectors)('golden $frame $hex is written and read as specified', ({ hex: bytes, ...record }) => {
    expect(hex(encode([record as unknown as FrameRecord]))).toBe(bytes);
    expect(decode(fromHex(bytes))).toEqual({ sound: true, frames: [record] });
  });

  it('reads back whatever was written', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), (frames) => {
        expect(decode(encode(frames))).toEqual({ sound: true, frames });
      }),
      { numRuns: 500 },
    );
  });

  it('writes over whatever lay in the buffer', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(hex(encode([frame], new Uint8Array(0x1_0000).fill(0xa5)))).toBe(hex(encode([frame])));
      }),
    );
  });

  it('writes nothing when a frame does not fit', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat({ max: 200 }), (frame, missing) => {
        const whole = encode([frame]);
        const room = whole.length - 1 - (missing % whole.length);
        const bytes = new Uint8Array(0x1_0000).fill(0x5a);
        const writer = new FrameWriter();
        writer.begin(bytes, 7, room);
        expect(writeFrame(writer, frame)).toBe(false);
        expect(writer.length).toBe(0);
        expect(bytes.every((byte) => byte === 0x5a)).toBe(true);
      }),
    );
  });

  it('never throws on arbitrary bytes and never looks beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 300 }), (bytes, length) => {
        const log = new FrameLog();
        const sound = readFrames(bytes, 0, length, log);
        if (length > bytes.length) expect(sound).toBe(false);
        asksForAck(bytes, 0, Math.min(length, bytes.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws on damaged frames, and what it still accepts can be written again', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.nat(), u8, (frames, position, value) => {
        const bytes = encode(frames);
        bytes[position % bytes.length] = value;
        const { sound, frames: read } = decode(bytes);
        const again = encode(read);
        expect(decode(again)).toEqual({ sound: true, frames: read });
        if (sound && again.length === bytes.length && !read.some((frame) => frame.frame === 'PROBE')) {
          expect(hex(again)).toBe(hex(bytes));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses every truncation of a frame', () => {
    for (const { hex: bytes } of frameVectors) {
      const whole = fromHex(bytes);
      for (let length = 1; length < whole.length; length++) {
        expect(readFrames(whole, 0, length, new FrameLog())).toBe(false);
      }
    }
  });

  it('skips frames of unknown types', () => {
    const probe = encode([{ frame: 'PROBE', token: 1, padding: 0 }]);
    const bytes = Uint8Array.of(200, 3, 0, 9, 9, 9, ...probe, 0, 0, 0);
    expect(decode(bytes)).toEqual({ sound: true, frames: [{ frame: 'PROBE', token: 1, padding: 0 }] });
  });

  it.each([
    [
      'a range that reaches below zero',
      '0220000101090000000000000000000000000000000000000000000000000000' + '0a000000',
    ],
    ['no range', '021c000100090000000000000000000000000000000000000000000000000000'],
    ['more ranges than bytes', '0220000102090000000000000000000000000000000000000000000000000000' + '00000000'],
    ['a chunk beyond the chunks', '080800' + '0700000002000200'],
    ['text that is not UTF-8', '0a03000000ff'],
    ['a verdict that is neither', '0905000700000002'],
  ])('refuses %s', (_, bytes) => {
    expect(decode(fromHex(bytes))).toEqual({ sound: false, frames: [] });
  });

  it.each([
    ['none', []],
    [
      'touching ranges',
      [
        [9, 8],
        [7, 6],
      ],
    ],
    [
      'rising ranges',
      [
        [5, 5],
        [9, 9],
      ],
    ],
    ['a range upside down', [[5, 6]]],
    ['a range beyond 32 bits', [[2 ** 40, 0]]],
    ['33 ranges', Array.from({ length: 33 }, (_, i) => [1000 - i * 3, 1000 - i * 3])],
  ])('does not write an ACK with %s', (_, ranges) => {
    const writer = new FrameWriter();
    writer.begin(new Uint8Array(1000), 0, 1000);
    const frame = ackFrame({
      frame: 'ACK',
      pathId: 0,
      ranges: ranges as [number, number][],
      largestReceivedAt: 0,
      ackDelayUs: 0,
      receivedPackets: 0,
      receivedBytes: 0,
    });
    expect(writer.ack(frame)).toBe(false);
    expect(writer.length).toBe(0);
  });

  it('asks for an acknowledgement unless there is only ACK, SILENCE and CLOSE', () => {
    const quiet = new Set(['ACK', 'SILENCE', 'CLOSE']);
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 4 }), (frames) => {
        const bytes = encode(frames);
        expect(asksForAck(bytes, 0, bytes.length)).toBe(frames.some(({ frame }) => !quiet.has(frame)));
      }),
    );
    expect(asksForAck(Uint8Array.of(FRAME_PROBE, 9, 0, 1), 0, 4)).toBe(false);
  });

  it('pads a PROBE to the exact length that is asked for', () => {
    for (const size of [7, 8, 1200, 1452]) {
      expect(encode([{ frame: 'PROBE', token: 5, padding: size - 7 }]).length).toBe(size);
    }
  });

  it('allocates nothing for PROBE, ACK and SILENCE', () => {
    const script = fileURLToPath(new URL('../test/allocation.mjs', import.meta.url));
    const bytesPerRound = Number(execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' }));
    // Measured 0 to 3: code that V8 compiles meanwhile. One boxed number a round would be 16.
    expect(bytesPerRound).toBeLessThan(8);
  });
});
