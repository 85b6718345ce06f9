import { beforeEach, describe, expect, it } from 'vitest';
import { Clock, Earliest } from './clock.js';
import { REPLAY_AT_ONCE_PACKETS, REPLAY_BURST_PACKETS, REPLAY_SPEED, REPLAY_STALL_US } from './constants.js';
import type { Core } from './core.js';
import { Replay } from './replay.js';
import { SendSlots } from './send-slots.js';

const BYTES = 1_000;
const VITALS = 1;

describe('a replay', () => {
  let slots: SendSlots;
  let clock: Clock;
  let replay: Replay;
  let queueing: boolean;
  /** What went out, in order. */
  let sent: { slot: number; atUs: number }[];

  beforeEach(() => {
    slots = new SendSlots(1024);
    clock = new Clock();
    clock.nowUs = 0;
    sent = [];
    queueing = false;
    const send = (slot: number) => void sent.push({ slot, atUs: clock.nowUs });
    replay = new Replay({ slots, clock } as Core, 7, send, () => queueing);
  });

  /** Holds packets of one class, `gapUs` apart, from now on; answers their slots. */
  function hold(count: number, gapUs: number, classIndex = 0): number[] {
    return Array.from({ length: count }, () => {
      const slot = nextFree();
      slots.hold(slot, 7, BYTES, classIndex << 12, 0, clock);
      slots.waiting[slot] = 1;
      clock.nowUs += gapUs;
      return slot;
    });
  }

  function nextFree(): number {
    return slots.owner.indexOf(-1);
  }

  /** Serves deadlines until nothing waits. */
  function finish(untilUs = Number.POSITIVE_INFINITY): void {
    const earliest = new Earliest();
    for (;;) {
      earliest.reset();
      replay.noteDeadline(earliest);
      if (!replay.isUnderWay || earliest.us > untilUs) return;
      clock.nowUs = earliest.us;
      replay.service(clock.nowUs);
    }
  }

  it('of a short tail goes out at once, whatever the pauses were', () => {
    const held = hold(REPLAY_AT_ONCE_PACKETS, 20_000);
    replay.start();
    expect(sent.map(({ slot }) => slot)).toEqual(held);
    expect(replay.isUnderWay).toBe(false);
  });

  it('of what was sent within a moment goes out at once, however much', () => {
    hold(500, 100);
    replay.start();
    expect(sent.length).toBe(500);
  });

  it('of more goes out oldest first, a burst and then no faster than the speed times the first sending', () => {
    const gapUs = 2_000;
    const held = hold(600, gapUs);
    const startUs = clock.nowUs;
    replay.start();
    expect(sent.length).toBe(REPLAY_BURST_PACKETS);
    finish();
    expect(sent.map(({ slot }) => slot)).toEqual(held);
    for (let i = REPLAY_BURST_PACKETS; i < sent.length; i++) {
      const elapsedUs = sent[i].atUs - startUs;
      expect(i - REPLAY_BURST_PACKETS).toBeLessThanOrEqual((elapsedUs * REPLAY_SPEED) / gapUs + 1);
    }
    // Nor much slower.
    expect(clock.nowUs - startUs).toBeLessThan((600 * gapUs) / REPLAY_SPEED);
  });

  it('goes slower where a queue builds up, but goes on', () => {
    hold(600, 2_000);
    replay.start();
    queueing = true;
    const startUs = clock.nowUs;
    finish(startUs + 200_000);
    // Half as fast as they were sent: one every 4 ms.
    expect(sent.length - REPLAY_BURST_PACKETS).toBeGreaterThan(45);
    expect(sent.length - REPLAY_BURST_PACKETS).toBeLessThan(55);
  });

  it('takes the classes of the policy first', () => {
    const bulk = hold(200, 2_000);
    const vital = hold(100, 2_000, VITALS);
    replay.start();
    finish();
    expect(sent.map(({ slot }) => slot)).toEqual([...vital, ...bulk]);
  });

  it('spends little time on lone packets that were lost long before', () => {
    hold(5, 500_000);
    hold(300, 1_000);
    const startUs = clock.nowUs;
    replay.start();
    finish();
    expect(clock.nowUs - startUs).toBeLessThan(300_000);
  });

  it('leaves out what was acknowledged or given up meanwhile, also when the slot is in use again', () => {
    const held = hold(300, 2_000);
    replay.start();
    for (const slot of held.slice(100, 200)) slots.release(slot);
    slots.hold(held[199], 7, BYTES, 0, 0, clock);
    finish();
    expect(sent.map(({ slot }) => slot)).toEqual([...held.slice(0, 100), ...held.slice(200)]);
  });

  it('starts over with what has not gone out and what was marked since, nothing twice', () => {
    const held = hold(300, 2_000);
    replay.start();
    finish(clock.nowUs + 50_000);
    const before = sent.length;
    expect(before).toBeGreaterThan(REPLAY_BURST_PACKETS);
    expect(before).toBeLessThan(200);
    const more = hold(100, 2_000);
    replay.start();
    finish();
    expect(sent.map(({ slot }) => slot)).toEqual([...held, ...more]);
  });

  it('does not catch up in a burst after the process stood still', () => {
    hold(600, 2_000);
    replay.start();
    finish(clock.nowUs + 20_000);
    const before = sent.length;
    clock.nowUs += 200_000;
    replay.service(clock.nowUs);
    const most = 1 + (REPLAY_SPEED * (REPLAY_STALL_US + 2_000)) / 2_000;
    expect(sent.length - before).toBeLessThanOrEqual(most);
    finish();
    expect(sent.length).toBe(600);
  });

  it('leaves the packets of other peers alone', () => {
    slots.hold(nextFree(), 8, BYTES, 0, 0, clock);
    slots.waiting.fill(1);
    replay.start();
    expect(sent).toEqual([]);
  });
});
