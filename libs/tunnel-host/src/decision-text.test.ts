import type { ClassSpending, PathFigures } from '@corridor/tunnel';
import { describe, expect, it } from 'vitest';
import { effectText, protectionText, spendingText, switchText } from './decision-text.js';

const base = { atUs: 0, peer: 'gateway', trafficClass: 'video' };
const single: ClassSpending = { mode: 'single', copies: 0, repairPermille: 0 };
const w0: PathFigures = {
  path: 'w0',
  pathId: 0,
  state: 'suspect',
  oneWayDelayUs: 20_400,
  queueUs: 12_000,
  lossRatio: 0.0123,
  burstPackets: 1,
  capacityBps: 20_000_000,
  deliveredBps: 4_900_000,
  warnings: ['silence'],
  placeBefore: 1,
  placeAfter: 0,
};
const w1: PathFigures = {
  ...w0,
  path: 'w1',
  pathId: 1,
  state: 'up',
  oneWayDelayUs: 0,
  queueUs: 900,
  lossRatio: 0,
  capacityBps: 0,
  deliveredBps: 32_000,
  warnings: [],
  placeBefore: 0,
  placeAfter: 1,
};

describe('in the log', () => {
  it('a switch names its cause, what was sent again, and every path with its figures', () => {
    const event = {
      ...base,
      type: 'path-switch',
      from: ['w0'],
      to: ['w1'],
      reason: 'w0 went silent',
      replayed: 14,
      before: single,
      after: single,
      figures: [w0, w1],
      demandBps: 5_000_000,
    } as const;
    expect(switchText(event)).toBe(
      'video: w0 -> w1: w0 went silent (14 packets sent again); w0 suspect 20 ms, queue 12 ms, 1.2 % loss, ' +
        '4.9 of 20 Mbit/s, warned of silence; w1 delay not known, 0 % loss, 32 kbit/s',
    );
    const first = { ...event, from: [], after: { ...single, mode: 'copies' }, figures: [], replayed: 1 } as const;
    expect(switchText(first)).toBe('video: nothing -> w1 (a copy on each path): w0 went silent (1 packet sent again)');
  });

  it('a change of protection tells what is spent now, and that it came and went', () => {
    const after: ClassSpending = { mode: 'spill', copies: 1, repairPermille: 125 };
    const event = {
      ...base,
      type: 'protection',
      paths: ['w0', 'w1'],
      reason: 'w0 answers late',
      before: single,
      after,
      figures: [],
      demandBps: 1,
      changes: 3,
    } as const;
    expect(protectionText(event)).toBe(
      'video on w0+w1: one path -> spilling, 1 copy, 12.5 % repair (3 changes since the last told): w0 answers late',
    );
    expect(spendingText({ mode: 'balance', copies: 2, repairPermille: 0 })).toBe('balanced, 2 copies');
  });

  it('an effect tells what the class felt', () => {
    const event = {
      ...base,
      type: 'path-switch-effect',
      from: ['w0'],
      to: ['w1'],
      sinceUs: 0,
      switches: 2,
      after: single,
      figures: [w1],
      felt: {
        spanUs: 2_140_000,
        packets: 1_080,
        retransmissions: 14,
        queueDrops: 2,
        waiting: 5,
        demandBps: 5_000_000,
        sentBps: 4_960_000,
      },
    } as const;
    expect(effectText(event)).toBe(
      'video 2.1 s after w0 -> w1 (2 switches): 1,080 packets, 14 sent again, 2 dropped, 5 waiting, ' +
        '5.0 of 5.0 Mbit/s sent; w1 delay not known, 0 % loss, 32 kbit/s',
    );
  });
});
