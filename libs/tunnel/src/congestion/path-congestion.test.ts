/** Its face, on a link made of two lines; what it does on real ones is in libs/sim/test/congestion. */
import { describe, expect, it } from 'vitest';
import { Clock } from '../clock.js';
import { AckReport } from './ack-report.js';
import { PathCongestion } from './path-congestion.js';

const BYTES = 1250;
const DELAY_US = 10_000;

/** A link of so many Mbit/s with endless buffer; every packet is acknowledged by itself. */
class Line {
  readonly congestion = new PathCongestion();
  readonly clock = new Clock();
  private readonly report = new AckReport();
  private readonly waiting: { sentUs: number; arriveUs: number; bytes: number }[] = [];
  private freeUs = 0;
  received = 0;
  space = 1;

  constructor(public mbit: number) {
    this.clock.nowUs = 0;
  }

  /** Sends whatever may go, or at most `bps`, for so long. */
  run(forUs: number, bps = Number.POSITIVE_INFINITY): void {
    const { clock, congestion } = this;
    const until = clock.nowUs + forUs;
    let owed = 0;
    for (; clock.nowUs < until; clock.nowUs += 100) {
      this.acknowledge();
      owed = Math.min(owed + (bps / 8e6) * 100, 20 * BYTES);
      while (owed >= BYTES && congestion.maySend(BYTES, clock)) {
        this.send(BYTES);
        if (bps < Number.POSITIVE_INFINITY) owed -= BYTES;
      }
      if (owed < BYTES) congestion.limitedByApplication(clock);
    }
  }

  /** Nothing is sent for so long, whatever waits: it goes elsewhere. */
  rest(forUs: number): void {
    const until = this.clock.nowUs + forUs;
    for (; this.clock.nowUs < until; this.clock.nowUs += 100) this.acknowledge();
  }

  send(bytes: number): void {
    const { nowUs } = this.clock;
    this.freeUs = Math.max(this.freeUs, nowUs) + (bytes * 8) / this.mbit;
    this.congestion.sent(bytes, this.clock);
    this.waiting.push({ sentUs: nowUs, arriveUs: this.freeUs + DELAY_US, bytes });
  }

  private acknowledge(): void {
    const { report, clock, waiting } = this;
    while (waiting.length > 0 && waiting[0].arriveUs + DELAY_US <= clock.nowUs) {
      const { sentUs, arriveUs, bytes } = waiting.shift() as (typeof waiting)[0];
      this.received += bytes;
      report.clear();
      report.ackedPackets = 1;
      report.ackedBytes = bytes;
      report.space = this.space;
      report.largestBytes = bytes;
      report.largestSentAtUs = sentUs;
      report.rttUs = arriveUs + DELAY_US - sentUs;
      report.receivedBytes = this.received;
      report.arrivedStamp = Math.round(arriveUs + 2 ** 31 - 5_000) | 0;
      report.transitUs = (Math.round(arriveUs + 2 ** 31 - 5_000) - Math.round(sentUs)) | 0;
      this.congestion.acknowledged(report, clock);
    }
  }
}

describe('the congestion control of a path', () => {
  it('finds the rate of a link within a second and keeps its queue short', () => {
    const line = new Line(20);
    expect(line.congestion.isDiscovering).toBe(true);
    line.run(1_000_000);
    line.run(500_000);
    expect(line.congestion.isDiscovering).toBe(false);
    expect(line.congestion.rateBps / 1e6).toBeGreaterThan(19);
    expect(line.congestion.rateBps / 1e6).toBeLessThan(21);
    expect(line.congestion.deliveredBps / 1e6).toBeCloseTo(20, 0);
    expect(line.congestion.queueUs).toBeLessThan(12_000);
    expect(line.congestion.status()).toMatchObject({ phase: 'steady', lossRatio: 0 });
  });

  it('follows a fall of the rate at once, and the way back within two seconds', () => {
    const line = new Line(20);
    line.run(2_000_000);
    line.mbit = 2;
    line.run(200_000);
    expect(line.congestion.rateBps / 1e6).toBeLessThan(2.5);
    line.run(2_000_000);
    expect(line.congestion.queueUs).toBeLessThan(25_000);
    line.mbit = 20;
    line.run(2_000_000);
    expect(line.congestion.rateBps / 1e6).toBeGreaterThan(18);
  });

  it('learns nothing from an application that sends little', () => {
    const line = new Line(20);
    line.run(5_000_000, 1e6);
    expect(line.congestion.rateBps).toBeLessThan(4e6);
    expect(line.congestion.isDiscovering).toBe(true);
    line.run(2_000_000);
    line.run(5_000_000, 1e6);
    expect(line.congestion.rateBps / 1e6).toBeGreaterThan(18);
  });

  it('tells the limit of a link from what it was given', () => {
    const line = new Line(5);
    expect(line.congestion.limitBps).toBe(Number.POSITIVE_INFINITY);
    line.run(2_000_000);
    expect(line.congestion.limitBps / 1e6).toBeCloseTo(5, 0);
    line.mbit = 50;
    line.run(2_000_000, 8e6);
    expect(line.congestion.limitBps).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes the limit of now while a queue stands, and otherwise the most of the last seconds', () => {
    const line = new Line(20);
    line.run(2_000_000);
    line.mbit = 2;
    line.run(2_000_000);
    expect(line.congestion.limitBps / 1e6).toBeCloseTo(2, 0);
    line.run(2_000_000, 1e6);
    expect(line.congestion.limitBps / 1e6).toBeCloseTo(20, 0);
  });

  it('starts at the rate that is expected, and lets a burst out at once', () => {
    const line = new Line(20);
    line.congestion.expect(8e6, 30_000, line.clock);
    let burst = 0;
    while (line.congestion.maySend(BYTES, line.clock)) {
      line.send(BYTES);
      burst += BYTES;
    }
    expect(burst).toBeGreaterThanOrEqual(30_000);
    expect(burst).toBeLessThan(35_000);
    expect(line.congestion.rateBps).toBe(8e6);
    line.congestion.expect(2e6, 0, line.clock);
    expect(line.congestion.rateBps).toBe(8e6);
  });

  it('backs off within a round trip when more was expected than the link carries', () => {
    const line = new Line(2);
    line.congestion.expect(10e6, 0, line.clock);
    line.run(150_000);
    expect(line.congestion.rateBps / 1e6).toBeLessThan(2.5);
    line.run(1_000_000);
    expect(line.congestion.queueUs).toBeLessThan(25_000);
  });

  it('takes the rate of a link from a burst that is let out onto it, and does not try twice that', () => {
    const line = new Line(20);
    line.run(1_000_000, 5e6);
    for (let i = 0; i < 4; i++) {
      line.send(100);
      line.run(500_000, 0);
    }
    const { congestion } = line;
    congestion.expect(6e6, 75 * BYTES, line.clock);
    let leastBps = Number.POSITIVE_INFINITY;
    let mostBps = 0;
    let sentFast = 0;
    for (let i = 0; i < 40; i++) {
      line.run(5_000);
      leastBps = Math.min(leastBps, congestion.rateBps);
      mostBps = Math.max(mostBps, congestion.rateBps);
      if (congestion.status().pacingBps > 1.3 * 20e6) sentFast++;
    }
    expect(leastBps).toBeGreaterThan(4e6);
    expect(mostBps).toBeLessThan(24e6);
    expect(mostBps).toBeGreaterThan(15e6);
    expect(sentFast).toBe(0);
  });

  it('keeps its rate through a pause of three seconds, and half of it five seconds later', () => {
    const line = new Line(20);
    line.run(2_000_000);
    const before = line.congestion.rateBps;
    line.run(100_000, 0);
    line.clock.nowUs += 2_800_000;
    line.send(BYTES);
    expect(line.congestion.rateBps).toBe(before);
    line.run(100_000, 0);
    line.clock.nowUs += 7_900_000;
    line.send(BYTES);
    expect(line.congestion.rateBps / before).toBeGreaterThan(0.45);
    expect(line.congestion.rateBps / before).toBeLessThan(0.55);
  });

  it('measures on after a change of keys', () => {
    const line = new Line(20);
    line.run(2_000_000);
    line.space = 2;
    line.received = 0;
    line.run(1_000_000);
    expect(line.congestion.rateBps / 1e6).toBeGreaterThan(19);
    expect(line.congestion.rateBps / 1e6).toBeLessThan(21);
  });

  it('forgets everything with another address', () => {
    const line = new Line(20);
    line.run(2_000_000);
    expect(line.congestion.inFlightBytes).toBeGreaterThan(0);
    line.congestion.forget(line.clock);
    expect(line.congestion).toMatchObject({ inFlightBytes: 0, queueUs: 0, deliveredBps: 0, isDiscovering: true });
    expect(line.congestion.rateBps).toBeLessThan(2e6);
  });

  it('counts what is neither acknowledged nor lost, never below nothing', () => {
    const { congestion, clock } = new Line(20);
    const report = new AckReport();
    for (let i = 0; i < 3; i++) congestion.sent(1_000, clock);
    report.lostPackets = 1;
    report.lostBytes = 1_000;
    congestion.acknowledged(report, clock);
    expect(congestion.inFlightBytes).toBe(2_000);
    report.lostBytes = 5_000;
    congestion.acknowledged(report, clock);
    expect(congestion.inFlightBytes).toBe(0);
  });

  it('knows a link whose rate varies from one that keeps it', () => {
    const constant = new Line(10);
    constant.run(6_000_000);
    expect(constant.congestion.change).toBeLessThan(0.01);
    const varying = new Line(10);
    for (let i = 0; i < 60; i++) {
      varying.mbit = i % 2 === 0 ? 12 : 6;
      varying.run(100_000);
    }
    expect(varying.congestion.change).toBeGreaterThan(0.03);
  });

  it('a path that gets bursts is not taken for one that varies, nor for one that carries more', () => {
    const line = new Line(5);
    line.congestion.isElastic = true;
    line.run(4_000_000);
    const { targetUs } = line.congestion.status();
    for (let burst = 0; burst < 40; burst++) {
      line.run(70_000);
      line.rest(130_000);
    }
    line.run(20_000);
    const after = line.congestion.status();
    expect(after.rateBps).toBeLessThan(5.3e6);
    expect(after.pacingBps).toBeLessThan(1.2 * after.rateBps);
    expect(after.targetUs).toBeLessThan(1.2 * targetUs);
  });
});
