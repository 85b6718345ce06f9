import { EventEmitter } from 'node:events';
import type { PathStatus, PeerStatus } from '@corridor/tunnel';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import type { UplinkEvent } from '../status.js';
import type { Uplink } from '../system/uplinks.js';
import { StreamBridge } from './bridge.js';
import { DIAL_MS } from './constants.js';
import type { Dialled, DialTarget } from './dial.js';
import { FallbackKeeper } from './keeper.js';
import { StreamSockets } from './stream-sockets.js';

/** As much of a WebSocket as a stream uses. */
class Connection extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  send(): void {}
  ping(): void {}
  /** The other end takes its time. */
  close(): void {
    setTimeout(() => this.terminate(), 900);
  }
  terminate(): void {
    this.readyState = 3;
    queueMicrotask(() => this.emit('close'));
  }
}

const uplink = (name: string, address = '10.0.0.2'): Uplink => ({
  name,
  ifindex: 3,
  addresses: [address],
  families: [4],
  priority: 2,
  metered: true,
});

/** A vehicle whose network, gateway and time are the test's. */
class Vehicle {
  uplinks: Uplink[] = [uplink('w0'), uplink('w1')];
  session: PeerStatus['session'] = 'established';
  /** Paths over UDP that are up. */
  up: string[] = [];
  blocked: string[] = [];
  /** Whether the engine hears something over streams. */
  streamsCarry = true;
  answer: (target: DialTarget) => Promise<Dialled> = async () => this.connect();
  readonly dials: string[] = [];
  readonly events: string[] = [];
  readonly connections: Connection[] = [];
  readonly bridge = new StreamBridge();
  readonly sockets = new StreamSockets(this.bridge.link, { receive: () => {}, pathsChanged: () => {} });
  readonly keeper = new FallbackKeeper({
    fallback: { url: 'https://203.0.113.10:8443', trust: { kind: 'public' } },
    endpoints: ['203.0.113.10'],
    bridge: this.bridge,
    uplinks: () => this.uplinks,
    peer: async () => this.#peer(),
    onEvent: ({ uplink, state, reason }: UplinkEvent) => this.events.push(`${uplink} ${state}: ${reason}`),
    dial: (target, signal) => {
      this.dials.push(target.device);
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('given up')));
        this.answer(target).then(resolve, reject);
      });
    },
  });

  /** Names of the paths that the engine was told of. */
  get paths(): string[] {
    this.sockets.takeWaiting();
    return this.sockets.states().map(({ name }) => name);
  }

  connect(): Dialled {
    const connection = new Connection();
    this.connections.push(connection);
    return { webSocket: connection as unknown as WebSocket, transport: {} as Dialled['transport'], port: 8443 };
  }

  #peer(): PeerStatus {
    const path = (name: string, state: string) => ({ name, state, blocked: this.blocked.includes(name) }) as PathStatus;
    const udp = this.uplinks.map(({ name }) => path(name, this.up.includes(name) ? 'up' : 'down'));
    const streams = this.paths.map((name) => path(name, this.streamsCarry ? 'up' : 'suspect'));
    return { session: this.session, paths: [...udp, ...streams] } as unknown as PeerStatus;
  }

  close(): void {
    this.keeper.close();
    this.bridge.close('over');
    this.sockets.close();
  }
}

let vehicle: Vehicle;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  vehicle = new Vehicle();
  vehicle.keeper.start();
});

afterEach(() => {
  vehicle.close();
  vi.useRealTimers();
});

describe('a vehicle', () => {
  test('whose UDP works everywhere dials nobody', async () => {
    vehicle.up = ['w0', 'w1'];
    await pass(60_000);
    expect(vehicle.dials).toEqual([]);
  });

  test('without a session takes every uplink for dead, whatever its paths were before', async () => {
    vehicle.up = ['w0', 'w1'];
    await pass(1_000);
    vehicle.session = 'none';
    await pass(4_000);
    expect(vehicle.dials).toEqual(['w0', 'w1']);
    expect(vehicle.paths).toEqual(['w0/tls', 'w1/tls']);
    expect(vehicle.events[0]).toBe('w0 tls-open: UDP got nowhere for 3.0 s: over TLS to 203.0.113.10');
    expect(vehicle.sockets.states()[0]).toMatchObject({ priority: 258, metered: true });
  });

  test('leaves what an operator has blocked alone', async () => {
    vehicle.up = ['w1'];
    vehicle.blocked = ['w0'];
    await pass(60_000);
    expect(vehicle.dials).toEqual([]);
  });

  test('closes the connection when UDP works again, and tells the engine', async () => {
    await pass(4_000);
    expect(vehicle.paths).toEqual(['w0/tls', 'w1/tls']);
    vehicle.up = ['w1'];
    await pass(6_000);
    expect(vehicle.paths).toEqual(['w0/tls']);
    expect(vehicle.events.at(-1)).toBe('w1 tls-closed: UDP works again');
  });

  test('closes it at once when the uplink goes or gets another address, and dials from the new one', async () => {
    await pass(4_000);
    vehicle.uplinks = [uplink('w0', '10.0.0.99')];
    await pass(600);
    expect(vehicle.events.slice(2)).toEqual([
      'w1 tls-closed: the uplink is gone',
      'w0 tls-closed: the uplink has another address',
      expect.stringMatching(/^w0 tls-open/),
    ]);
    expect(vehicle.paths).toContain('w0/tls');
    // That the former connections are gone at last is no news of the new one.
    await pass(3_000);
    expect(vehicle.paths).toEqual(['w0/tls']);
    expect(vehicle.events).toHaveLength(5);
  });

  test('dials again when a connection ends by itself, or carries nothing', async () => {
    vehicle.uplinks = [uplink('w0')];
    await pass(4_000);
    vehicle.connections[0].terminate();
    await pass(2_000);
    expect(vehicle.dials).toHaveLength(2);
    vehicle.streamsCarry = false;
    await pass(12_000);
    expect(vehicle.events.filter((text) => text.includes('closed'))).toEqual([
      'w0 tls-closed: the other end closed it',
      'w0 tls-closed: nothing came over it',
    ]);
    expect(vehicle.dials).toHaveLength(3);
  });

  test('tells a failure once, and another one again', async () => {
    vehicle.uplinks = [uplink('w0')];
    vehicle.answer = async () => {
      throw new Error('nothing listens there');
    };
    await pass(60_000);
    expect(vehicle.dials.length).toBeGreaterThan(4);
    vehicle.answer = async () => {
      throw new Error('no answer');
    };
    await pass(120_000);
    expect(vehicle.events).toEqual([
      'w0 tls-failed: TLS to 203.0.113.10:8443 failed: nothing listens there',
      'w0 tls-failed: TLS to 203.0.113.10:8443 failed: no answer',
    ]);
  });

  test('gives up an attempt when UDP works meanwhile, or the tunnel ends, and keeps nothing', async () => {
    vehicle.uplinks = [uplink('w0')];
    let connected: (dialled: Dialled) => void = () => {};
    vehicle.answer = () => new Promise((resolve) => (connected = resolve));
    await pass(4_000);
    vehicle.up = ['w0'];
    await pass(1_000);
    connected(vehicle.connect());
    await pass(DIAL_MS);
    expect(vehicle.paths).toEqual([]);
    expect(vehicle.events).toEqual([]);
    vehicle.up = [];
    await pass(4_000);
    expect(vehicle.dials).toHaveLength(2);
    vehicle.keeper.close();
    connected(vehicle.connect());
    await pass(60_000);
    expect(vehicle.dials).toHaveLength(2);
    expect(vehicle.bridge.size).toBe(0);
  });
});
