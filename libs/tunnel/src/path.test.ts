import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import { Path } from './path.js';

const MS = 1_000;
const at = (ms: number): Clock => {
  const clock = new Clock();
  clock.nowUs = ms * MS;
  return clock;
};

describe('the delay by which a path is ranked', () => {
  /** 20 ms of delay, half a second behind a queue of 300 ms, and half a second later a probe that meets none. */
  function pathAfterItsQueue(isElastic: boolean): number {
    const path = new Path(0, 'w0', 0);
    path.congestion.isElastic = isElastic;
    path.rtt.sample(40 * MS, 0, at(0));
    const send = (ms: number, delay: number) => path.send.transit(ms * MS, (ms + delay) * MS, at(ms));
    send(0, 20);
    for (let ms = 10; ms <= 500; ms += 10) send(ms, 320);
    send(1_000, 22);
    return path.snapshot(1_000 * MS, { send: path, receive: path }).send.oneWayDelayUs;
  }

  it('is that of now for traffic that fills its paths: a queue that has drained keeps it from none', () => {
    expect(pathAfterItsQueue(true)).toBe(22 * MS);
  });

  it('is the average for all else', () => {
    expect(pathAfterItsQueue(false)).toBeGreaterThan(200 * MS);
  });
});
