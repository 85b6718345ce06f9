import { OpenBatch, SealBatch } from '@corridor/tunnel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowRecorder, NatModel, parseMahimahi, percentile, Random, ToyAead, VirtualClock } from './index.js';
import { readStampedPacket, SMALLEST_STAMPED_PACKET, writeStampedPacket } from './stamped-packet.js';

describe('virtual clock', () => {
  it('runs actions in order of time, and in order of scheduling where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 300 }), (times) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        times.forEach((atUs, order) => {
          clock.schedule(atUs, () => ran.push([clock.nowUs, order]));
        });
        clock.runUntil(100);
        expect(ran).toEqual(times.map((atUs, order) => [atUs, order]).sort((a, b) => a[0] - b[0] || a[1] - b[1]));
        expect([clock.nowUs, clock.pending]).toEqual([100, 0]);
      }),
    );
  });

  it('runs what was scheduled for the past at once, after what is due already, and stops where it is told', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.schedule(10, () => {
      clock.schedule(3, () => ran.push(`late at ${clock.nowUs}`));
      ran.push('first');
    });
    clock.schedule(10, () => ran.push('second'));
    clock.schedule(11, () => ran.push('too late'));
    clock.runUntil(10);
    expect(ran).toEqual(['first', 'second', 'late at 10']);
    expect(() => clock.schedule(Number.NaN, () => {})).toThrow(RangeError);
  });
});

describe('random', () => {
  it('is uniform and its forks are independent of each other', () => {
    const random = new Random(3);
    const counts = new Float64Array(10);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    const take = (source: Random) => Array.from({ length: 8 }, () => source.nextInt32());
    expect(take(new Random(3).fork('a'))).toEqual(take(new Random(3).fork('a')));
    expect(take(new Random(3).fork('a'))).not.toEqual(take(new Random(3).fork('b')));
    expect(take(new Random(3))).not.toEqual(take(new Random(2 ** 32 + 3)));
  });
});

describe('nat', () => {
  it('keeps a mapping as long as packets go out, and forgets it a lifetime after the last', () => {
    const nat = new NatModel(1_000);
    const port = nat.outbound(0, 7);
    expect(nat.outbound(900, 7)).toBe(port);
    expect(nat.inbound(1_900, port)).toBe(7);
    expect(nat.inbound(1_901, port)).toBe(-1);
    expect(nat.outbound(2_000, 7)).not.toBe(port);
    expect(nat.inbound(2_000, port)).toBe(-1);
  });

  it('drops what comes for the old port after rebinding', () => {
    const nat = new NatModel(Number.POSITIVE_INFINITY);
    const port = nat.outbound(0, 7);
    nat.rebind();
    expect(nat.inbound(1, port)).toBe(-1);
    expect(nat.outbound(2, 7)).not.toBe(port);
  });

  it('gives different insides different ports, also when the numbers wrap', () => {
    const nat = new NatModel(Number.POSITIVE_INFINITY, 65_534);
    const ports = [1, 2, 3, 4].map((inside) => nat.outbound(0, inside));
    expect(ports).toEqual([65_534, 65_535, 1_024, 1_025]);
    expect(ports.map((port) => nat.inbound(0, port))).toEqual([1, 2, 3, 4]);
  });
});

describe('mahimahi traces', () => {
  it('are read line by line', () => {
    expect(parseMahimahi('0\n2\n2\r\n\n 15 \n')).toEqual([0, 2, 2, 15]);
  });
  it.each([
    ['1\nx\n', /line 2: milliseconds expected, got "x"/],
    ['5\n4\n', /line 2: 4 ms comes after 5 ms/],
    ['-1\n', /line 1/],
    ['1.5\n', /line 1/],
    ['', /at least one/],
    ['0\n0\n', /at least one/],
  ])('refuse %j', (text, message) => {
    expect(() => parseMahimahi(text)).toThrow(message);
  });
});

describe('stamped packets', () => {
  const packet = {
    source: 0x0a4d0002,
    destination: 0x0a630002,
    sourcePort: 5_000,
    destinationPort: 5_001,
    dscp: 46,
    flow: 3,
    sequence: 4_000_000_000,
    sentAtUs: 2 ** 40 + 5,
  };

  it('read back as they were written, at any length and place', () => {
    fc.assert(
      fc.property(fc.integer({ min: SMALLEST_STAMPED_PACKET, max: 1_500 }), fc.nat(99), (length, at) => {
        const bytes = new Uint8Array(1_600);
        writeStampedPacket(bytes, at, length, packet);
        expect(readStampedPacket(bytes, at, length)).toEqual(packet);
      }),
    );
  });

  it('show a changed header, magic or filling', () => {
    const bytes = new Uint8Array(200);
    writeStampedPacket(bytes, 0, 200, packet);
    for (const at of [0, 1, 2, 9, 12, 19, 25, 28, 60, 199]) {
      const changed = bytes.slice();
      changed[at] ^= 0x10;
      expect(readStampedPacket(changed, 0, 200), `byte ${at}`).toBeUndefined();
    }
    expect(readStampedPacket(bytes, 0, 199)).toBeUndefined();
    expect(() => writeStampedPacket(bytes, 0, 47, packet)).toThrow(RangeError);
  });
});

describe('flow recorder', () => {
  const identity = { vehicle: 0, flow: 'vitals up', kind: 'vitals', direction: 'up' } as const;

  it('counts exactly what a receiver felt', () => {
    const recorder = new FlowRecorder(identity);
    const arrivals: [number, number][] = [
      [0, 30],
      [1, 50],
      [1, 51],
      [3, 190],
      [2, 200],
      [3_000, 205],
    ];
    for (const [sequence, nowUs] of arrivals) recorder.arrived(sequence, nowUs - 10 * (sequence + 1), nowUs);
    expect(recorder.result(10, 210)).toEqual({
      ...identity,
      sent: 10,
      received: 5,
      lost: 5,
      duplicates: 1,
      longestGapUs: 140,
      longestGapAtUs: 50,
      delayP50Us: 30,
      delayP95Us: 30_010,
      delayP99Us: 30_010,
      delayMaxUs: 30_010,
    });
  });

  it('counts the silence up to the end of the flow as a gap', () => {
    const recorder = new FlowRecorder(identity);
    recorder.arrived(0, 0, 10);
    expect(recorder.result(5, 1_000)).toMatchObject({ longestGapUs: 990, longestGapAtUs: 10 });
    expect(new FlowRecorder(identity).result(5, 1_000)).toMatchObject({ received: 0, lost: 5, longestGapUs: 0 });
  });

  it('takes percentiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0, 1, 50, 99, 100].map((p) => percentile(hundred, p))).toEqual([1, 1, 50, 99, 100]);
    expect(percentile([], 50)).toBe(0);
  });
});

describe('toy AEAD', () => {
  const key = new Random(9).bytes(32);
  const sealOne = (aead: ToyAead, handle: number, payload: Uint8Array, header: Uint8Array): Uint8Array => {
    const batch = new SealBatch(1);
    batch.count = 1;
    batch.key[0] = handle;
    batch.header.set(header);
    batch.source[0] = 0;
    batch.sourceLength[0] = payload.length;
    batch.target[0] = 5;
    const target = new Uint8Array(5 + 24 + payload.length + 16);
    aead.seal(batch, payload, target);
    return target.slice(5);
  };
  const openOne = (aead: ToyAead, handle: number, datagram: Uint8Array): { length: number; inner: Uint8Array } => {
    const batch = new OpenBatch(1);
    batch.count = 1;
    batch.key[0] = handle;
    batch.sourceLength[0] = datagram.length;
    batch.target[0] = 12;
    const target = new Uint8Array(2_000);
    aead.open(batch, datagram, target);
    return { length: batch.result[0], inner: target.slice(0, 12 + Math.max(0, batch.result[0])) };
  };

  it('opens what it sealed, and nothing that was changed in any bit', () => {
    const random = new Random(4);
    for (const length of [0, 1, 3, 20, 61]) {
      const aead = new ToyAead();
      const handle = aead.addKey(1, key);
      const payload = random.bytes(length);
      const header = random.bytes(24);
      const datagram = sealOne(aead, handle, payload, header);
      const opened = openOne(aead, handle, datagram);
      expect(opened.length).toBe(length);
      expect(opened.inner).toEqual(Uint8Array.of(...header.slice(12), ...payload));
      expect(datagram.slice(0, 12)).toEqual(header.slice(0, 12));
      for (let bit = 0; bit < datagram.length * 8; bit++) {
        const changed = datagram.slice();
        changed[bit >> 3] ^= 1 << (bit & 7);
        expect(openOne(aead, handle, changed).length, `bit ${bit} of ${datagram.length} bytes`).toBe(-1);
      }
      for (let cut = 0; cut < datagram.length; cut++)
        expect(openOne(aead, handle, datagram.slice(0, cut)).length).toBe(-1);
    }
  });

  it('opens with the right key and cipher only', () => {
    const aead = new ToyAead();
    const handles = [aead.addKey(1, key), aead.addKey(2, key), aead.addKey(1, new Random(10).bytes(32))];
    const datagram = sealOne(aead, handles[0], new Uint8Array(30), new Uint8Array(24));
    expect(handles.map((handle) => openOne(aead, handle, datagram).length)).toEqual([30, -1, -1]);
    aead.dropKey(handles[0]);
    expect(() => openOne(aead, handles[0], datagram)).toThrow(/handle 0/);
    expect(aead.addKey(1, key)).toBe(handles[0]);
  });
});
