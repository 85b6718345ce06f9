import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { DeadlineTimer, nowUs } from './timer.js';

/** A timer whose firings are events. */
function makeTimer(): { timer: DeadlineTimer; fired: number[]; events: EventEmitter } {
  const fired: number[] = [];
  const events = new EventEmitter();
  const timer = new DeadlineTimer(() => {
    fired.push(nowUs());
    events.emit('due');
  });
  return { timer, fired, events };
}

describe('nowUs', () => {
  it('is the monotonic clock in microseconds', () => {
    const before = Number(process.hrtime.bigint()) / 1e3;
    const now = nowUs();
    const after = Number(process.hrtime.bigint()) / 1e3;
    // Doubles of this size step by about a tenth of a nanosecond; hrtime is read beside, not at once.
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(after + 1);
  });
});

describe('DeadlineTimer', () => {
  it('fires once, and never early', async () => {
    const { timer, fired, events } = makeTimer();
    const at = nowUs() + 3_000;
    timer.arm(at);
    await once(events, 'due');
    expect(fired[0]).toBeGreaterThanOrEqual(at);
    const { timer: later, events: laterEvents } = makeTimer();
    later.arm(nowUs() + 5_000);
    await once(laterEvents, 'due');
    expect(fired).toHaveLength(1);
    timer.close();
    later.close();
  });

  it('fires at once for what has passed, and for zero and below', async () => {
    const { timer, events } = makeTimer();
    for (const at of [nowUs() - 1, 1, 0, -5]) {
      timer.arm(at);
      await once(events, 'due');
    }
    timer.close();
  });

  it('takes the last deadline and forgets a disarmed one', async () => {
    const { timer, fired, events } = makeTimer();
    timer.arm(nowUs() + 1_000);
    timer.disarm();
    timer.arm(nowUs() + 1_000);
    timer.arm(Infinity);
    const { timer: other, events: otherEvents } = makeTimer();
    other.arm(nowUs() + 3_000);
    await once(otherEvents, 'due');
    expect(fired).toHaveLength(0);
    timer.arm(nowUs() + 60e6);
    timer.arm(nowUs() + 500);
    await once(events, 'due');
    timer.close();
    other.close();
  });

  it('runs promises of its callback before the next callback', async () => {
    const order: string[] = [];
    const events = new EventEmitter();
    const first = new DeadlineTimer(() => {
      order.push('first');
      void Promise.resolve().then(() => order.push('microtask'));
    });
    const second = new DeadlineTimer(() => {
      order.push('second');
      events.emit('done');
    });
    const at = nowUs();
    first.arm(at);
    second.arm(at);
    await once(events, 'done');
    expect(order.indexOf('microtask')).toBe(order.indexOf('first') + 1);
    first.close();
    second.close();
  });

  it('may be closed twice and inside its own callback; afterwards it refuses', async () => {
    const events = new EventEmitter();
    const timer = new DeadlineTimer(() => {
      timer.close();
      timer.close();
      events.emit('due');
    });
    timer.arm(nowUs());
    await once(events, 'due');
    expect(() => timer.arm(nowUs())).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => timer.arm(Number.NaN)).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
  });
});
