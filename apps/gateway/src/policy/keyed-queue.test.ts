import { expect, test } from 'vitest';
import { eachOf, KeyedQueue } from './keyed-queue.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

test('tasks of one key run in order, also after one that failed; other keys do not wait', async () => {
  const queue = new KeyedQueue();
  const done: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = queue.run('a', async () => {
    await held;
    done.push('a1');
    throw new Error('no');
  });
  const second = queue.run('a', async () => done.push('a2'));
  await queue.run('b', async () => done.push('b1'));
  expect(done).toEqual(['b1']);
  release();
  await expect(first).rejects.toThrow('no');
  await second;
  expect(done).toEqual(['b1', 'a1', 'a2']);
});

test('is idle when everything has ended', async () => {
  const queue = new KeyedQueue();
  let ended = 0;
  const work = async () => {
    await tick();
    ended++;
  };
  for (let index = 0; index < 10; index++) void queue.run(`${index % 3}`, work);
  await queue.idle();
  expect(ended).toBe(10);
});

test('each item is worked on, so many at a time', async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  await eachOf(Array.from({ length: 20 }, (_, index) => index).values(), 4, async (item) => {
    most = Math.max(most, ++running);
    await tick();
    seen.push(item);
    running--;
  });
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(most).toBe(4);
});
