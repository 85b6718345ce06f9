import { describe, expect, test } from 'vitest';
import { eventLevel, peerSentence } from './event-line.js';
import { Log } from './log.js';
import type { HostEvent } from './status.js';

const down: HostEvent = {
  type: 'path-state',
  atUs: 7,
  peer: 'rtw-1',
  path: 'w0',
  pathId: 0,
  from: 'suspect',
  to: 'down',
  reason: 'nothing acknowledged for 300 ms',
};

describe('entries', () => {
  test('are JSON lines with every field of the event when nobody watches', () => {
    const lines: string[] = [];
    new Log('info', false, (line) => lines.push(line)).entry(eventLevel(down), peerSentence(down), { ...down });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    const entry = JSON.parse(lines[0] as string) as Record<string, unknown>;
    expect(entry).toMatchObject({ level: 'warn', type: 'path-state', path: 'w0', to: 'down', reason: down.reason });
    expect(Number.isNaN(Date.parse(entry.time as string))).toBe(false);
  });

  test('are short lines on a terminal', () => {
    const lines: string[] = [];
    new Log('info', true, (line) => lines.push(line)).entry(eventLevel(down), peerSentence(down), { ...down });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d warn: rtw-1: path w0 suspect -> down: nothing acknowledged for 300 ms\n$/,
    );
  });

  test('below the level are left out', () => {
    const lines: string[] = [];
    const log = new Log('error', false, (line) => lines.push(line));
    log.entry(eventLevel(down), peerSentence(down), { ...down });
    log.entry('error', 'kept');
    expect(lines).toHaveLength(1);
  });
});

describe('every event is a sentence with its reason', () => {
  const peer = 'rtw-1';
  const spent = { mode: 'single', copies: 0, repairPermille: 0 } as const;
  const decided = { before: spent, after: spent, figures: [], demandBps: 0 };
  test.each<[HostEvent, string, string]>([
    [
      { type: 'session', atUs: 0, peer, state: 'established', reason: 'handshake over w0' },
      'info',
      'rtw-1: session established: handshake over w0',
    ],
    [{ type: 'session', atUs: 0, peer, state: 'lost', reason: 'silence' }, 'warn', 'rtw-1: session lost: silence'],
    [{ type: 'session', atUs: 0, peer, state: 'rekeyed', reason: '120 s' }, 'debug', 'rtw-1: session rekeyed: 120 s'],
    [{ type: 'path-added', atUs: 0, peer, path: 'w0', pathId: 0 }, 'debug', 'rtw-1: path w0 added'],
    [{ type: 'path-removed', atUs: 0, peer, path: 'w0', pathId: 0 }, 'debug', 'rtw-1: path w0 removed'],
    [
      { type: 'path-moved', atUs: 0, peer, path: 'w0', pathId: 0, from: '1.2.3.4:5', to: '1.2.3.4:6' },
      'info',
      'rtw-1: path w0 moved from 1.2.3.4:5 to 1.2.3.4:6',
    ],
    [
      {
        type: 'path-switch',
        atUs: 0,
        peer,
        trafficClass: 'default',
        from: ['w0'],
        to: ['w1', 'w2'],
        reason: 'w0 is silent',
        replayed: 3,
        ...decided,
      },
      'info',
      'rtw-1: default: w0 -> w1+w2: w0 is silent (3 packets sent again)',
    ],
    [
      {
        type: 'path-switch',
        atUs: 0,
        peer,
        trafficClass: 'default',
        from: [],
        to: ['w1'],
        reason: 'first plan',
        replayed: 0,
        ...decided,
      },
      'info',
      'rtw-1: default: nothing -> w1: first plan',
    ],
    [
      { type: 'policy', atUs: 0, peer, version: 2, outcome: 'rejected', reason: 'no such strategy' },
      'warn',
      'rtw-1: policy 2 rejected: no such strategy',
    ],
    [{ type: 'policy', atUs: 0, peer, version: 2, outcome: 'applied', reason: '' }, 'info', 'rtw-1: policy 2 applied'],
    [
      { type: 'uplink', atUs: 0, uplink: 'w0', state: 'gone', reason: 'the interface is gone' },
      'info',
      'uplink w0 gone: the interface is gone',
    ],
    [{ type: 'warning', atUs: 0, reason: 'look here' }, 'warn', 'look here'],
  ])('%j', (event, level, sentence) => {
    expect([eventLevel(event), peerSentence(event)]).toEqual([level, sentence]);
  });
});
