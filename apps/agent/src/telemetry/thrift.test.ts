import type { PeerStatus } from '@corridor/tunnel';
import { describe, expect, test } from 'vitest';
import { Thrift } from './thrift.js';

interface PathLike {
  readonly metered: boolean;
  readonly state?: string;
  readonly blocked?: boolean;
}

function peer(bytes: number, paths: readonly PathLike[]): PeerStatus {
  return {
    paths: paths.map((path) => ({ state: 'up', blocked: false, ...path })),
    counters: { bytesSent: bytes, bytesDelivered: 0 },
  } as unknown as PeerStatus;
}

/** In which of twelve seconds a frame is due, with so many bytes in each. */
function frames(paths: readonly PathLike[], bytesPerSecond: number, offlineMs = 0): number {
  const thrift = new Thrift();
  let due = 0;
  for (let second = 0; second < 12; second++) {
    if (
      thrift.frameDue(peer(1e6 + second * bytesPerSecond, paths), 5000 + second * 1000 + (second % 2) * 30, offlineMs)
    ) {
      due++;
    }
  }
  return due;
}

describe('frames', () => {
  test.each<[string, PathLike[], number, number]>([
    ['each second on free paths', [{ metered: false }], 1000, 12],
    ['each second while one path is free', [{ metered: true }, { metered: false }], 1000, 12],
    ['every third on metered paths that carry nothing else', [{ metered: true }, { metered: true }], 1000, 4],
    ['every third while the free path is down', [{ metered: true }, { metered: false, state: 'down' }], 1000, 4],
    ['every third while the free path is blocked', [{ metered: true }, { metered: false, blocked: true }], 1000, 4],
    ['each second on metered paths with traffic', [{ metered: true }], 50_000, 12],
    ['each second without any path', [], 0, 12],
  ])('%s', (_, paths, bytesPerSecond, expected) => {
    expect(frames(paths, bytesPerSecond)).toBe(expected);
  });

  test('every tenth after ten minutes without a connection', () => {
    expect(frames([{ metered: false }], 1000, 599_000)).toBe(12);
    expect(frames([{ metered: false }], 1000, 601_000)).toBe(2);
  });
});
