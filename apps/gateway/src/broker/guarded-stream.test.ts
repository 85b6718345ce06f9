import { Duplex, duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { GuardedStream } from './guarded-stream.js';

/** A packet with its fixed header (MQTT 3.1.1 section 2.2). */
function packet(length: number, first = 0x30): Buffer {
  const header = [first];
  let rest = length;
  do {
    header.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 7)]);
}

async function through(bytes: Buffer, chunk: number, mostBytes: number): Promise<Buffer | 'cut'> {
  const [near, far] = duplexPair();
  const guarded = new GuardedStream(far, mostBytes);
  const got: Buffer[] = [];
  const ended = new Promise<Buffer | 'cut'>((resolve) => {
    guarded.on('data', (data: Buffer) => got.push(data));
    guarded.on('end', () => resolve(Buffer.concat(got)));
    guarded.on('error', () => resolve('cut'));
  });
  for (let at = 0; at < bytes.length; at += chunk) near.write(bytes.subarray(at, at + chunk));
  near.end();
  return ended;
}

const LENGTHS = [0, 1, 127, 128, 16_383, 16_384, 100_000];

test.each([1, 2, 3, 7, 1_000, 1_000_000])('packets pass unchanged in chunks of %d bytes', async (chunk) => {
  const few = chunk < 10 ? LENGTHS.filter((length) => length < 1_000) : LENGTHS;
  const bytes = Buffer.concat(few.map((length) => packet(length)));
  expect(await through(bytes, chunk, 100_000)).toEqual(bytes);
});

test.each(LENGTHS.slice(1))('one byte more than %d is cut', async (mostBytes) => {
  const good = packet(mostBytes);
  expect(await through(good, 1_000_000, mostBytes)).toEqual(good);
  expect(await through(Buffer.concat([good, packet(mostBytes + 1)]), 1_000_000, mostBytes)).toBe('cut');
});

test('a length of five bytes is none', async () => {
  expect(await through(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]), 1, 2 ** 31)).toBe('cut');
});

test('a length is refused before its bytes arrive', async () => {
  // Remaining length 268,435,455, and not one byte of it.
  expect(await through(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), 5, 1_000)).toBe('cut');
});

test('a reader that pauses holds the sender back', async () => {
  const [near, far] = duplexPair();
  const guarded = new GuardedStream(far, 1_000_000);
  let accepted = 0;
  while (accepted < 1_000 && near.write(packet(10_000))) accepted++;
  // Node moves data until the buffers are full; nobody reads, so that must be soon.
  await new Promise((resolve) => setImmediate(resolve));
  expect(accepted).toBeLessThan(100);
  expect(guarded.readableLength).toBeLessThan(200_000);
  guarded.destroy();
});

test('who sends more than is fair waits until it has paid, and loses nothing', async () => {
  const [near, far] = duplexPair();
  let nowMs = 0;
  const guarded = new GuardedStream(far, 100_000, () => nowMs);
  let got = 0;
  guarded.on('data', (data: Buffer) => {
    got += data.length;
  });
  // 20,000 tiny packets cost as much as 20 MB: 8 MiB at once, the rest at half a megabyte a second.
  const flood = Buffer.concat(Array.from({ length: 100 }, () => packet(2)));
  for (let index = 0; index < 200; index++) near.write(flood);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(got).toBeGreaterThanOrEqual(80 * flood.length);
  expect(got).toBeLessThan(100 * flood.length);
  nowMs = 3_600_000;
  while (got < 200 * flood.length) {
    nowMs += 3_600_000;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  guarded.destroy();
});

test('the end of one side is the end of the other', async () => {
  const inner = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const guarded = new GuardedStream(inner, 10);
  const closed = new Promise((resolve) => inner.once('close', resolve));
  guarded.destroy();
  await closed;
  expect(inner.destroyed).toBe(true);
});
