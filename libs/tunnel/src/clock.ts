/** The engine's idea of time: set at the start of each mutation, read everywhere below it. */
export class Clock {
  // A double in an object field is boxed anew with every store; in a typed array it is not.
  private readonly times = new Float64Array(1).fill(Number.NEGATIVE_INFINITY);

  /** Monotonic time of the mutation that runs, or ran last, microseconds. */
  get nowUs(): number {
    return this.times[0];
  }
  set nowUs(value: number) {
    this.times[0] = value;
  }
}
