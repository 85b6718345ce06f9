/** Virtual time: actions in order of time, and in the order of scheduling where times are equal. */
export class VirtualClock {
  private timeUs = 0;
  private count = 0;
  private scheduled = 0;
  private times = new Float64Array(1024);
  private orders = new Float64Array(1024);
  private actions: (() => void)[] = [];

  /** Now, microseconds since the start of the run. */
  get nowUs(): number {
    return this.timeUs;
  }

  /** Actions that wait. */
  get pending(): number {
    return this.count;
  }

  /** Runs `action` at `atUs`, or at once after what is due already when that is past. */
  schedule(atUs: number, action: () => void): void {
    if (!(atUs < Number.POSITIVE_INFINITY)) throw new RangeError(`a time was expected, got ${atUs}`);
    if (this.count === this.times.length) this.grow();
    this.times[this.count] = Math.max(atUs, this.timeUs);
    this.orders[this.count] = this.scheduled++;
    this.actions[this.count] = action;
    this.siftUp(this.count++);
  }

  /** Runs everything that is due up to and at `untilUs`, and stops there. */
  runUntil(untilUs: number): void {
    while (this.count > 0 && this.times[0] <= untilUs) {
      this.timeUs = this.times[0];
      const action = this.actions[0];
      this.removeFirst();
      action();
    }
    this.timeUs = Math.max(this.timeUs, untilUs);
  }

  private isBefore(a: number, b: number): boolean {
    return this.times[a] < this.times[b] || (this.times[a] === this.times[b] && this.orders[a] < this.orders[b]);
  }

  private removeFirst(): void {
    const last = --this.count;
    this.swap(0, last);
    this.actions.length = last;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= last) return;
      if (child + 1 < last && this.isBefore(child + 1, child)) child++;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      parent = child;
    }
  }

  private siftUp(start: number): void {
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      child = parent;
    }
  }

  private swap(a: number, b: number): void {
    const time = this.times[a];
    this.times[a] = this.times[b];
    this.times[b] = time;
    const order = this.orders[a];
    this.orders[a] = this.orders[b];
    this.orders[b] = order;
    const action = this.actions[a];
    this.actions[a] = this.actions[b];
    this.actions[b] = action;
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2);
    times.set(this.times);
    this.times = times;
    const orders = new Float64Array(this.times.length);
    orders.set(this.orders);
    this.orders = orders;
  }
}
