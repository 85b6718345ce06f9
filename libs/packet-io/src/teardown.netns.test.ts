import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';

const addon = process.env.CORRIDOR_PACKET_IO || fileURLToPath(new URL('../build/packet_io.node', import.meta.url));
const script = fileURLToPath(new URL('../test/workers/busy.cjs', import.meta.url));

let space: Namespace;
beforeAll(async () => {
  space = await Namespace.create();
});
afterAll(() => space.close());

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** The worker's TUN and sockets are made in this process's own namespace: run it in a child inside the test's. */
async function inNamespace(source: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'nsenter',
    [`--net=${space.path}`, process.execPath, '-e', source, addon, script],
    { timeout: 60_000 },
  );
  return stdout.trim();
}

describe('a worker that ends while its sockets, device and timer are busy', () => {
  it.each(['terminate', 'exit', 'throw', 'return'])('%s: everything is closed, the process goes on', async (end) => {
    const answer = await inNamespace(`
      const { Worker } = require('node:worker_threads');
      const { readdirSync } = require('node:fs');
      const [addon, script] = process.argv.slice(1);
      const files = () => readdirSync('/proc/self/fd').length;
      async function round() {
        const worker = new Worker(script, { workerData: { addon, end: '${end}' } });
        let error;
        worker.on('error', (thrown) => { error = thrown.message; });
        const exit = new Promise((resolve) => worker.on('exit', resolve));
        // Not events.once: it would reject when the worker throws before the message is read.
        await Promise.race([new Promise((resolve) => worker.on('message', resolve)), exit]);
        if ('${end}' === 'terminate') await worker.terminate();
        return [await exit, error];
      }
      (async () => {
        await round();
        const before = files();
        for (let i = 0; i < 15; i++) var result = await round();
        console.log(JSON.stringify([result, files() - before, readdirSync('/sys/class/net').length >= 1]));
      })();
    `);
    const [[code, error], leaked] = JSON.parse(answer);
    expect(code).toBe(end === 'exit' || end === 'return' ? 0 : 1);
    expect(error ?? undefined).toBe(end === 'throw' ? 'on purpose' : undefined);
    expect(leaked).toBe(0);
  });

  it('exits the whole process from inside a callback', async () => {
    const answer = await inNamespace(`
      const addon = require(process.argv[1]);
      const at = new Float64Array(new SharedArrayBuffer(8));
      at[0] = 1;
      const timer = new addon.Timer(at, () => { console.log('due'); process.exit(0); });
      timer.arm();
    `);
    expect(answer).toBe('due');
  });

  it('reports what a callback throws as an uncaught exception and goes on', async () => {
    const answer = await inNamespace(`
      const addon = require(process.argv[1]);
      const at = new Float64Array(new SharedArrayBuffer(8));
      let calls = 0;
      process.on('uncaughtException', (error) => console.log('caught ' + error.message));
      const timer = new addon.Timer(at, () => {
        if (++calls === 3) return timer.close();
        timer.arm();
        throw new Error('number ' + calls);
      });
      at[0] = 1;
      timer.arm();
    `);
    expect(answer.split('\n')).toEqual(['caught number 1', 'caught number 2']);
  });

  it('lets the process end when everything is unreferenced', async () => {
    const answer = await inNamespace(`
      const addon = require(process.argv[1]);
      const shared = (n) => new Float64Array(new SharedArrayBuffer(8 * n));
      const tun = new addon.Tun('end%d', 1500, true, undefined, 100, shared(20), () => {});
      const timer = new addon.Timer(shared(1), () => {});
      tun.start();
      tun.unref();
      timer.unref();
      console.log('end');
    `);
    expect(answer).toBe('end');
  });

  it('survives many workers in this very process', async () => {
    const source = `
      const { workerData } = require('node:worker_threads');
      const addon = require(workerData);
      const at = new Float64Array(new SharedArrayBuffer(8));
      const timer = new addon.Timer(at, () => { timer.arm(); });
      at[0] = 1;
      timer.arm();
    `;
    const before = openFiles();
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(source, { eval: true, workerData: addon });
      await once(worker, 'online');
      await new Promise(setImmediate);
      await worker.terminate();
    }
    expect(openFiles()).toBeLessThanOrEqual(before + 1);
  });
});

// Sanitizers keep freed memory aside, so resident memory says nothing under them.
it.skipIf(process.env.CORRIDOR_PACKET_IO)('frees closed objects when they are collected', async () => {
  const answer = await promisify(execFile)(
    process.execPath,
    [
      '--expose-gc',
      '-e',
      `
      const addon = require(process.argv[1]);
      const shared = (n) => new Float64Array(new SharedArrayBuffer(8 * n));
      const turn = () => new Promise(setImmediate);
      async function round(n) {
        for (let i = 0; i < n; i++) {
          const udp = new addon.Udp(1, 4, undefined, undefined, 0, undefined, 0, 0, 0, false, shared(20), () => {});
          if (i % 2) udp.start();
          udp.close();
          const aead = new addon.Aead(shared(4), addon.aeadImplementations[0]);
          aead.addKey(2, new Uint8Array(32));
          if (i % 50 === 0) { gc(); await turn(); }
        }
        gc(); await turn(); gc(); await turn();
        return process.memoryUsage.rss();
      }
      (async () => {
        await round(1000);
        const before = await round(1000);
        console.log(((await round(3000)) - before) / 3000);
      })();
    `,
      addon,
    ],
    { timeout: 60_000 },
  );
  // Kept, each would cost more than 20 KB: message headers, control buffers, key schedules.
  expect(Number(answer.stdout)).toBeLessThan(4_000);
});
