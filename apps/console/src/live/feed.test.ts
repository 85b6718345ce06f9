import type { LiveSnapshot } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { type FeedIo, FleetFeed, POLL_MS, SILENCE_MS, type SocketHandlers } from './feed.js';

/** A browser on a virtual clock: the test decides when sockets open, speak and break. */
class FakeBrowser implements FeedIo {
  now = 0;
  sockets: (SocketHandlers & { sent: string[]; closed: boolean })[] = [];
  polls = 0;
  restAnswers = true;
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  #count = 0;

  openSocket(handlers: SocketHandlers) {
    const socket = { ...handlers, sent: [] as string[], closed: false };
    this.sockets.push(socket);
    return {
      send: (text: string) => void socket.sent.push(text),
      close: () => {
        socket.closed = true;
      },
    };
  }
  poll(): Promise<LiveSnapshot> {
    this.polls++;
    return this.restAnswers ? Promise.resolve(snapshot(0)) : Promise.reject(new Error('away'));
  }
  nowMs = () => this.now;
  random = () => 1;
  after(ms: number, run: () => void) {
    const id = ++this.#count;
    this.#timers.set(id, { at: this.now + ms, run });
    return () => void this.#timers.delete(id);
  }
  async pass(ms: number) {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.now = due[1].at;
      due[1].run();
      await Promise.resolve();
      await Promise.resolve();
    }
    this.now = end;
  }
  get socket() {
    return this.sockets.at(-1) as (typeof this.sockets)[number];
  }
}

function snapshot(seq: number): LiveSnapshot {
  return { kind: 'live-snapshot', v: 1, seq, now: '2026-11-23T08:00:00.000Z', vehicles: [], events: [] };
}
const diff = (seq: number) =>
  JSON.stringify({
    kind: 'live-diff',
    v: 1,
    seq,
    now: '2026-11-23T08:00:01.000Z',
    added: [],
    changed: [],
    removed: [],
    events: [],
  });

function started() {
  const browser = new FakeBrowser();
  const feed = new FleetFeed(browser, () => {});
  feed.start();
  return { browser, feed };
}

describe('the live feed', () => {
  it('is live from the first snapshot on and follows the diffs', () => {
    const { browser, feed } = started();
    expect(feed.view.status.mode).toBe('connecting');
    browser.socket.onMessage(JSON.stringify(snapshot(4)));
    browser.socket.onMessage(diff(5));
    expect(feed.view).toMatchObject({ status: { mode: 'live' }, fleet: { seq: 5 } });
  });

  it('asks for a snapshot once after a gap, and believes nothing until it comes', () => {
    const { browser, feed } = started();
    browser.socket.onMessage(JSON.stringify(snapshot(4)));
    browser.socket.onMessage(diff(7));
    browser.socket.onMessage(diff(8));
    expect(browser.socket.sent.map((text) => JSON.parse(text))).toEqual([{ kind: 'live-resync', v: 1 }]);
    expect(feed.view.fleet?.seq).toBe(4);
    browser.socket.onMessage(JSON.stringify(snapshot(8)));
    browser.socket.onMessage(diff(9));
    expect(feed.view.fleet?.seq).toBe(9);
  });

  it('takes silence for a broken connection', async () => {
    const { browser, feed } = started();
    browser.socket.onMessage(JSON.stringify(snapshot(1)));
    await browser.pass(SILENCE_MS - 1);
    expect(feed.view.status.mode).toBe('live');
    await browser.pass(2);
    expect(feed.view.status).toMatchObject({ mode: 'waiting', reason: 'nothing was heard for 6 s' });
    expect(browser.sockets[0]?.closed).toBe(true);
  });

  it('waits longer after each failure and hears no late word of an old connection', async () => {
    const { browser, feed } = started();
    browser.restAnswers = false;
    const old = browser.socket;
    const waits: number[] = [];
    for (let failures = 0; failures < 7; failures++) {
      browser.socket.onClose('refused');
      const { status } = feed.view;
      if (status.mode === 'waiting') waits.push(status.retryAtMs - browser.now);
      await browser.pass(waits.at(-1) as number);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    old.onMessage(JSON.stringify(snapshot(99)));
    expect(feed.view.fleet).toBeNull();
  });

  it('asks by REST where WebSockets are blocked, says so, and returns to the feed when it can', async () => {
    const { browser, feed } = started();
    browser.socket.onClose('blocked');
    await browser.pass(500);
    browser.socket.onClose('blocked');
    await browser.pass(0);
    expect(feed.view.status).toEqual({ mode: 'polling', reason: 'WebSockets do not get through to the gateway' });
    await browser.pass(POLL_MS * 3);
    expect(browser.polls).toBe(4);
    await browser.pass(30_000 - POLL_MS * 3);
    browser.socket.onMessage(JSON.stringify(snapshot(1)));
    expect(feed.view.status.mode).toBe('live');
    const { polls } = browser;
    browser.socket.onMessage(diff(2));
    await browser.pass(SILENCE_MS - 1);
    expect(browser.polls).toBe(polls);
  });

  it('stops at documents of another version: reconnecting would not help', async () => {
    const { browser, feed } = started();
    browser.socket.onMessage(JSON.stringify({ ...snapshot(1), v: 2 }));
    expect(feed.view.status).toMatchObject({
      mode: 'refused',
      reason: expect.stringContaining('version 2 is not known here'),
    });
    await browser.pass(120_000);
    expect(browser.sockets).toHaveLength(1);
  });

  it('can be stopped and started again', async () => {
    const { browser, feed } = started();
    browser.socket.onMessage(JSON.stringify(snapshot(1)));
    feed.stop();
    await browser.pass(60_000);
    expect(feed.view).toMatchObject({ status: { mode: 'off' }, fleet: { seq: 1 } });
    expect(browser.sockets).toHaveLength(1);
    feed.start();
    browser.socket.onMessage(JSON.stringify(snapshot(2)));
    expect(feed.view.status.mode).toBe('live');
  });
});
