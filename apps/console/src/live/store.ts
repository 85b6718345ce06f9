import type { LiveVehicle } from '@corridor/contracts';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { pollFleet } from '../api/gateway.js';
import { type FeedIo, type FeedView, FleetFeed } from './feed.js';

/** Screens follow the feed at most this often: more is not readable and costs a phone its battery. */
const NOTIFY_EVERY_MS = 250;
/** A hidden tab lets go of its connection after this time. */
const HIDDEN_FOR_MS = 5 * 60_000;

function socketUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`;
}

const browserIo: FeedIo = {
  openSocket({ onMessage, onClose }) {
    const socket = new WebSocket(socketUrl());
    socket.onmessage = ({ data }) => onMessage(String(data));
    socket.onclose = ({ reason, code }) => onClose(reason !== '' ? reason : `the connection closed (${code})`);
    return {
      send: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
      close: () => socket.close(),
    };
  },
  poll: pollFleet,
  nowMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** What screens see: changes at most every `NOTIFY_EVERY_MS`, and not at all while the tab is hidden. */
class FleetStore {
  readonly #feed = new FleetFeed(browserIo, () => this.#changed());
  readonly #listeners = new Set<() => void>();
  #shown: FeedView = this.#feed.view;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastNotifyMs = Number.NEGATIVE_INFINITY;
  #hiddenTimer: ReturnType<typeof setTimeout> | null = null;
  #running = false;

  get view(): FeedView {
    return this.#shown;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    document.addEventListener('visibilitychange', this.#visibility);
    window.addEventListener('online', this.retryNow);
    this.#feed.start();
  }

  stop(): void {
    this.#running = false;
    document.removeEventListener('visibilitychange', this.#visibility);
    window.removeEventListener('online', this.retryNow);
    this.#feed.stop();
  }

  readonly retryNow = () => this.#feed.retryNow();

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly #visibility = () => {
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => this.#feed.stop(), HIDDEN_FOR_MS);
      return;
    }
    if (this.#hiddenTimer !== null) clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = null;
    if (this.#feed.view.status.mode === 'off') this.#feed.start();
    else this.#feed.retryNow();
    this.#notify();
  };

  #changed(): void {
    if (document.hidden || this.#timer !== null) return;
    const wait = this.#lastNotifyMs + NOTIFY_EVERY_MS - performance.now();
    if (wait <= 0) this.#notify();
    else {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#notify();
      }, wait);
    }
  }

  #notify(): void {
    this.#lastNotifyMs = performance.now();
    this.#shown = this.#feed.view;
    for (const listener of this.#listeners) listener();
  }
}

export const fleetStore = new FleetStore();

/** Re-renders when what `select` answers is another (by `Object.is`). */
export function useFeed<T>(select: (view: FeedView) => T): T {
  return useSyncExternalStore(fleetStore.subscribe, () => select(fleetStore.view));
}

export function useVehicle(id: string): LiveVehicle | undefined {
  return useFeed(useCallback(({ fleet }) => fleet?.vehicles.get(id), [id]));
}

/** The gateway's clock now, UTC milliseconds; the browser's own before the first message. */
export function gatewayNowMs({ fleet } = fleetStore.view): number {
  return fleet === null ? Date.now() : fleet.gatewayMs + performance.now() - fleet.receivedAtMs;
}

/** `gatewayNowMs`, again each second while the tab is visible. */
export function useGatewayNow(): number {
  const [now, setNow] = useState(() => gatewayNowMs());
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setNow(gatewayNowMs()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** A polled state is up to 5 s old by design; a live one speaks every 2 s. */
const CURRENT_MS = { live: 6_500, polling: 9_000 };

/** Whether what the console shows is what the gateway says now. When not, nothing may be called live. */
export function isCurrent({ fleet, status }: FeedView, nowMs = performance.now()): boolean {
  if (fleet === null) return false;
  if (status.mode !== 'live' && status.mode !== 'polling') return false;
  return nowMs - fleet.receivedAtMs <= CURRENT_MS[status.mode];
}

/** A blip of a second is not worth alarming anybody, so a broken feed keeps its word for as long as a silent one. */
const GRACE_MS = 3_000;

export function useIsCurrent(): boolean {
  useGatewayNow();
  return useFeed(
    (view) => isCurrent(view) || (view.fleet !== null && performance.now() - view.fleet.receivedAtMs < GRACE_MS),
  );
}
