/**
 * The engine's idea of time. Everything on the hot path reads it from here instead of taking it as an argument: V8
 * boxes a double that is passed to a function it does not inline, and one in an object field with every store.
 */
export class Clock {
  private readonly times = new Float64Array([Number.NEGATIVE_INFINITY, 0]);

  /** Monotonic time of the mutation that runs, or ran last, microseconds. */
  get nowUs(): number {
    return this.times[0];
  }
  set nowUs(value: number) {
    this.times[0] = value;
  }

  /** When the datagram arrived that is being looked at, as the host tells it; a little before {@link nowUs}. */
  get arrivedUs(): number {
    return this.times[1];
  }

  /** The datagram `times[index]` is looked at next. */
  arrive(times: Float64Array, index: number): void {
    this.times[1] = times[index];
  }
}

/** The earliest of several times, collected without returning doubles from function to function. */
export class Earliest {
  private readonly times = new Float64Array(1);

  get us(): number {
    return this.times[0];
  }

  reset(): void {
    this.times[0] = Number.POSITIVE_INFINITY;
  }

  /** At most 27 bytecodes long: so V8 inlines it everywhere, and the double stays unboxed. */
  note(us: number): void {
    const { times } = this;
    if (us < times[0]) times[0] = us;
  }
}
