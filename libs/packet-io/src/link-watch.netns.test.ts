import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';
import { LinkWatch } from './link-watch.js';

let space: Namespace;
beforeAll(async () => {
  space = await Namespace.create();
});
afterAll(() => space.close());

it('tells of new links, addresses, routes and of their end, and of nothing else', async () => {
  const events = new EventEmitter();
  let calls = 0;
  const watch = new LinkWatch(
    () => {
      calls++;
      events.emit('change');
    },
    { netns: space.path },
  );
  watch.start();
  for (const line of [
    'link add w0 type veth peer name w9',
    'link set w0 up',
    'addr add 10.4.0.1/24 dev w0',
    'addr add fd04::1/64 dev w0 nodad',
    'route add 10.5.0.0/24 dev w0',
    'route del 10.5.0.0/24 dev w0',
    'link set w0 down',
    'link del w0',
  ]) {
    // Later echoes of the command before (router discovery, say) are let pass first.
    for (let quiet = 0, seen = calls; quiet < 20; quiet++) {
      await new Promise(setImmediate);
      if (calls !== seen) {
        quiet = 0;
        seen = calls;
      }
    }
    const change = once(events, 'change');
    space.ip(line);
    await change;
  }
  watch.close();
  watch.close();
  const after = calls;
  space.ip('link add w1 type veth peer name w8');
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(calls).toBe(after);
  expect(() => watch.start()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  expect(() => new LinkWatch(() => {}, { netns: '/proc/nowhere' })).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
});
