import { describe, expect, it } from 'vitest';
import { DatagramBatch, PacketBatch } from '../src/batch.js';
import type { VehicleEngine } from '../src/engine.js';
import { policyOf, SECOND, World } from './world.js';

const code = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    return String((error as { code?: string }).code);
  }
  return 'nothing was thrown';
};

describe('the driving contract', () => {
  const packets = new PacketBatch(4);
  const datagrams = new DatagramBatch(4, new Uint8Array(0));
  const mutations: Record<string, (engine: VehicleEngine, nowUs: number, world: World) => void> = {
    sendPackets: (engine, nowUs) => engine.sendPackets(packets, nowUs),
    receiveDatagrams: (engine, nowUs) => engine.receiveDatagrams(datagrams, nowUs),
    tick: (engine, nowUs) => engine.tick(nowUs),
    setUplinks: (engine, nowUs, world) => engine.setUplinks(world.uplinks(), [], nowUs),
    setPolicy: (engine, nowUs) => engine.setPolicy(policyOf('redundant'), nowUs),
    setPathBlocked: (engine, nowUs) => engine.setPathBlocked('w0', true, nowUs),
    close: (engine, nowUs) => engine.close(nowUs),
  };

  describe.each(Object.entries(mutations))('%s', (_name, mutate) => {
    it('must not follow another mutation without a drain', () => {
      const world = new World().start();
      const { engine } = world.vehicle;
      engine.tick(world.nowUs);
      expect(code(() => mutate(engine, world.nowUs, world))).toBe('ERR_NOT_DRAINED');
      engine.drain(world.vehicle);
      expect(code(() => mutate(engine, world.nowUs, world))).toBe('nothing was thrown');
    });

    it('must not take time back', () => {
      const world = new World().start();
      const { engine } = world.vehicle;
      world.vehicle.mutate((one, nowUs) => one.tick(nowUs));
      expect(code(() => mutate(engine, world.nowUs - 1, world))).toBe('ERR_TIME_WENT_BACK');
      expect(code(() => mutate(engine, Number.NaN, world))).toBe('ERR_TIME_WENT_BACK');
      expect(code(() => mutate(engine, world.nowUs, world))).toBe('nothing was thrown');
    });

    it('must not come after close', () => {
      const world = new World().start();
      const { engine } = world.vehicle;
      engine.close(world.nowUs);
      engine.drain(world.vehicle);
      expect(code(() => mutate(engine, world.nowUs, world))).toBe('ERR_CLOSED');
    });
  });

  it('lends slots only after a drain, as those of waiting packets might be given up', () => {
    const world = new World().start();
    const { engine } = world.vehicle;
    engine.tick(world.nowUs);
    expect(code(() => engine.lendSlots(packets))).toBe('ERR_NOT_DRAINED');
  });

  it.each([
    ['a position that was not lent', (batch: PacketBatch) => (batch.offset[1] += 2)],
    ['the same position twice', (batch: PacketBatch) => (batch.offset[1] = batch.offset[0])],
    ['a position outside the slab', (batch: PacketBatch) => (batch.offset[1] = 1 << 29)],
    ['a negative count', (batch: PacketBatch) => (batch.count = -1)],
    ['a count above the largest batch', (batch: PacketBatch) => (batch.count = 4097)],
  ])('refuses %s', (_name, spoil) => {
    const world = new World().start();
    const { engine } = world.vehicle;
    const batch = new PacketBatch(2);
    batch.count = engine.lendSlots(batch);
    for (let i = 0; i < 2; i++) {
      engine.sendSlab.set([0x45, 0, 0, 20], batch.offset[i]);
      batch.length[i] = 20;
    }
    spoil(batch);
    expect(code(() => engine.sendPackets(batch, world.nowUs))).toBe('ERR_BAD_BATCH');
  });

  it('never asks to be called at a time that has passed, so that no host spins', () => {
    const world = new World().start();
    for (let i = 0; i < 200; i++) {
      world.vehicle.mutate((engine, nowUs) => engine.tick(nowUs));
      expect(world.vehicle.engine.nextDeadlineUs()).toBeGreaterThan(world.nowUs);
      world.run(13_337);
    }
  });

  it('survives a machine that slept for an hour', () => {
    const world = new World().start();
    world.nowUs += 3_600 * SECOND;
    world.run(2 * SECOND);
    world.sendUp();
    world.run(SECOND);
    expect(world.gateway.ledger(1)).toEqual({ lost: 0, duplicates: 0 });
  });
});
