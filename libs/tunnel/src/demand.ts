/** What a class has been sending lately, smoothed over about a second: strategies and congestion control ask. */
import type { TrafficSnapshot } from '@corridor/strategy';
import type { Clock } from './clock.js';

const SMOOTHED_OVER_US = 1_000_000;
/** Shorter stretches say little about a rate. */
const LEAST_US = 50_000;
const PEEK_US = 10_000;
/** After so long without a packet, what comes is another stretch of traffic. */
const PAUSE_US = 200_000;

const BYTES = 0;
const PACKETS = 1;
const SINCE = 2;
const RATE = 3;
const LENGTH = 4;
const NOTED = 5;
/** Those before the running stretch. */
const ALL_BYTES = 6;
const ALL_PACKETS = 7;
/** Parts of the flow numbers that were seen, one bit each, in two words: enough to tell one flow from several. */
const SEEN = 8;

export class Demand {
  private readonly numbers = new Float64Array([0, 0, 0, 0, 0, Number.NEGATIVE_INFINITY, 0, 0, 0, 0]);
  private flows = 0;

  /** A packet was handed over. */
  note(bytes: number, flow: number, clock: Clock): void {
    if (clock.nowUs - this.numbers[NOTED] > PAUSE_US) this.begin(clock.nowUs);
    this.numbers[NOTED] = clock.nowUs;
    this.numbers[BYTES] += bytes;
    this.numbers[PACKETS]++;
    this.numbers[SEEN + ((flow >>> 5) & 1)] |= 1 << (flow & 31);
  }

  /** Bits per second. */
  get rateBps(): number {
    return this.numbers[RATE];
  }

  /** Rate of what came since the figures were brought up to date last, or that of then while that says little. */
  peekBps(clock: Clock): number {
    const spanUs = clock.nowUs - this.numbers[SINCE];
    return spanUs < PEEK_US ? this.numbers[RATE] : (this.numbers[BYTES] * 8e6) / spanUs;
  }

  /** A pause is over: the rate of what comes now is that of now. */
  private begin(nowUs: number): void {
    this.numbers[SINCE] = nowUs;
    this.count();
  }

  /** Bytes and packets since the class is there. */
  get allBytes(): number {
    return this.numbers[ALL_BYTES] + this.numbers[BYTES];
  }
  get allPackets(): number {
    return this.numbers[ALL_PACKETS] + this.numbers[PACKETS];
  }

  private count(): void {
    const { numbers } = this;
    numbers[ALL_BYTES] += numbers[BYTES];
    numbers[ALL_PACKETS] += numbers[PACKETS];
    numbers[BYTES] = 0;
    numbers[PACKETS] = 0;
  }

  /** Brings the figures up to date. */
  snapshot(nowUs: number): TrafficSnapshot {
    const { numbers } = this;
    const spanUs = nowUs - numbers[SINCE];
    if (spanUs >= LEAST_US) {
      const weight = numbers[SINCE] === 0 ? 1 : Math.min(1, spanUs / SMOOTHED_OVER_US);
      const rate = (numbers[BYTES] * 8e6) / spanUs;
      // A stream that starts is known at once: what is to take it over must not be taken by surprise.
      numbers[RATE] += (rate - numbers[RATE]) * (rate > 2 * numbers[RATE] ? 1 : weight);
      if (numbers[PACKETS] > 0) numbers[LENGTH] = numbers[BYTES] / numbers[PACKETS];
      this.flows = bits(numbers[SEEN]) + bits(numbers[SEEN + 1]);
      if (numbers[RATE] < 1) numbers[RATE] = 0;
      this.count();
      numbers[SINCE] = nowUs;
      numbers.fill(0, SEEN);
    }
    return { demandBps: numbers[RATE], packetBytes: numbers[LENGTH], flows: this.flows };
  }
}

function bits(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
