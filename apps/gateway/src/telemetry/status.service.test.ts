import type { AgentStatus, PolicyStatus, TelemetryBatch } from '@corridor/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { testFrame, testPath } from '../../test/frames.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { DeviceDirectory } from './device-directory.js';
import { StatusService } from './status.service.js';

const START = Date.UTC(2026, 10, 23, 8);

class TestClock extends Clock {
  ms = START;
  override nowMs(): number {
    return this.ms;
  }
}

let clock: TestClock;
let events: DomainEvents;
let status: StatusService;
let changes: number;

beforeEach(() => {
  clock = new TestClock();
  events = new DomainEvents();
  const devices = new DeviceDirectory(events);
  devices.learn([{ deviceId: 'd', vehicleId: 'v' }]);
  status = new StatusService(events, devices, clock);
  changes = 0;
  events.on('status-changed', () => {
    changes++;
  });
});

const tunnel = () => status.statusOf('v').tunnel;
const control = () => status.statusOf('v').control;

/** Lets time pass as the service's timer does. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= 250) {
    clock.ms += Math.min(250, left);
    status.age();
  }
}

function gatewayFrame(heardMs: number | null, session: 'established' | 'none' = 'established'): void {
  const frame = testFrame({ paths: [testPath('w0'), testPath('w1', { state: 'down' })] });
  const tunnel = { ...frame.tunnel, session };
  events.emit('gateway-frame', { vehicleId: 'v', frame: { ...frame, tunnel }, atMs: clock.ms, heardAtMs: heardMs });
}

function session(state: 'established' | 'lost' | 'closed', reason: string): void {
  events.emit('tunnel-event', { type: 'session', atUs: 0, peer: 'v', state, reason });
}

function agentStatus(state: AgentStatus['state'], of: { session?: number; beat?: number; reason?: string } = {}): void {
  const { session = 1, beat = 0, reason = '' } = of;
  const head = { kind: 'agent-status' as const, v: 1 as const, agentVersion: '1', policyInForce: 0, clock: null };
  const document: AgentStatus = { ...head, state, session, beat, reason };
  events.emit('agent-status', { deviceId: 'd', status: document, receivedAtMs: clock.ms, retained: false });
}

function telemetry(seq: number, rttUs: number, of: Partial<TelemetryBatch> = {}): void {
  const frame = testFrame({ paths: [testPath('w0', { rttUs })], position: { latitude: seq, longitude: 0 } });
  const records = [{ seq, monoMs: 1000, frame }];
  const batch = {
    kind: 'telemetry-batch' as const,
    v: 1 as const,
    session: 1,
    sentMonoMs: 1000,
    previousSeq: 0,
    records,
  };
  events.emit('telemetry-batch', { deviceId: 'd', batch: { ...batch, ...of }, receivedAtMs: clock.ms });
}

describe('a tunnel', () => {
  it('that was never heard says so', () => {
    expect(tunnel()).toEqual({ state: 'never', lastSeenAt: null, since: null, why: 'no authentic packet yet' });
  });

  it('is live by authentic packets, stale and offline by their absence, without any message', () => {
    gatewayFrame(clock.ms);
    expect(tunnel()).toMatchObject({ state: 'live', why: 'session established, 1 of 2 paths up' });
    pass(4_750);
    expect(tunnel().state).toBe('live');
    const before = changes;
    pass(250);
    expect(tunnel()).toEqual({
      state: 'stale',
      lastSeenAt: new Date(START).toISOString(),
      since: new Date(START + 5_000).toISOString(),
      why: 'no authentic packet for more than 5 s',
    });
    expect(changes).toBe(before + 1);
    pass(25_000);
    expect(tunnel()).toMatchObject({ state: 'offline', why: 'no authentic packet for more than 30 s' });
    expect(changes).toBe(before + 2);
    pass(60_000);
    expect(changes).toBe(before + 2);
  });

  it('does not live by frames of this end: only what was heard counts', () => {
    gatewayFrame(clock.ms);
    const heard = clock.ms;
    for (let second = 0; second < 10; second++) {
      pass(1_000);
      gatewayFrame(heard);
    }
    expect(tunnel().state).toBe('stale');
    gatewayFrame(clock.ms - 100);
    expect(tunnel()).toMatchObject({ state: 'live', since: new Date(clock.ms).toISOString() });
  });

  it.each([
    ['closed', 'the vehicle said goodbye'],
    ['lost', 'its keys expired'],
  ] as const)('whose session is %s is offline at once, and says why', (state, reason) => {
    gatewayFrame(clock.ms);
    session(state, reason);
    expect(tunnel()).toMatchObject({ state: 'offline', why: reason });
    clock.ms += 1_000;
    // The engine still knows when it heard the goodbye.
    gatewayFrame(clock.ms - 900, 'none');
    expect(tunnel()).toMatchObject({ state: 'offline', why: reason });
    session('established', 'the vehicle shook hands');
    expect(tunnel().state).toBe('live');
  });

  it('cannot be seen while the engine does not run: stale with that reason, then offline', () => {
    gatewayFrame(clock.ms);
    events.emit('tunnel-state', { running: false, reason: 'the tunnel’s thread died' });
    expect(tunnel().state).toBe('live');
    pass(5_000);
    expect(tunnel()).toMatchObject({ state: 'stale', why: 'the tunnel’s thread died' });
    events.emit('tunnel-state', { running: true, reason: 'runs' });
    expect(tunnel()).toMatchObject({ state: 'stale', why: 'no authentic packet for more than 5 s' });
  });
});

describe('a control channel', () => {
  it.each([
    ['telemetry', () => telemetry(1, 1)],
    ['a status', () => agentStatus('online')],
    ['an MQTT session', () => events.emit('device-connected', { deviceId: 'd' })],
    [
      'a request',
      () => events.emit('policy-request', { deviceId: 'd', request: { kind: 'policy-request', v: 1, inForce: 0 } }),
    ],
  ])('is live by %s', (_, send) => {
    send();
    expect(control().state).toBe('live');
    expect(tunnel().state).toBe('never');
    pass(5_000);
    expect(control()).toMatchObject({ state: 'stale', why: 'no message for more than 5 s' });
  });

  it('ends with the words of the agent, or of the broker when the agent had none', () => {
    telemetry(1, 1);
    agentStatus('offline', { beat: 1, reason: 'connection lost' });
    events.emit('device-disconnected', { deviceId: 'd', reason: 'keepalive timeout' });
    expect(control()).toMatchObject({ state: 'offline', why: 'connection lost' });
    telemetry(2, 1);
    expect(control().state).toBe('live');
    events.emit('device-disconnected', { deviceId: 'd', reason: 'keepalive timeout' });
    expect(control()).toMatchObject({ state: 'offline', why: 'MQTT session ended: keepalive timeout' });
  });

  it('is not ended by the will of an earlier session, nor by a status from before', () => {
    agentStatus('online', { session: 2, beat: 3 });
    agentStatus('offline', { session: 1, beat: 90 });
    agentStatus('offline', { session: 2, beat: 2 });
    expect(control().state).toBe('live');
    agentStatus('offline', { session: 2, beat: 3 });
    expect(control().state).toBe('offline');
  });

  it('is nothing that a retained message can tell of', () => {
    const document: AgentStatus = {
      kind: 'agent-status',
      v: 1,
      state: 'online',
      session: 1,
      beat: 1,
      reason: '',
      agentVersion: '1',
      policyInForce: 0,
      clock: null,
    };
    events.emit('agent-status', { deviceId: 'd', status: document, receivedAtMs: clock.ms, retained: true });
    expect(control().state).toBe('never');
  });

  it('cannot be seen while the broker is away', () => {
    telemetry(1, 1);
    events.emit('bus-state', { connected: false });
    pass(6_000);
    expect(control()).toMatchObject({ state: 'stale', why: 'the gateway has no connection to the broker' });
  });
});

describe('links and position', () => {
  it('are seen from both ends, each by its own frames', () => {
    gatewayFrame(clock.ms);
    telemetry(1, 12_345);
    const [w0, w1] = status.statusOf('v').links;
    expect([w0?.name, w0?.vehicle?.rttUs, w0?.gateway?.rttUs]).toEqual(['w0', 12_345, 30_000]);
    expect([w1?.name, w1?.vehicle, w1?.gateway?.state]).toEqual(['w1', null, 'down']);
    expect(status.statusOf('v').position).toMatchObject({ latitude: 1, at: new Date(START).toISOString() });
  });

  it('are not set back by frames that waited in the vehicle', () => {
    telemetry(9, 900);
    telemetry(5, 500);
    expect(status.statusOf('v').links[0]?.vehicle?.rttUs).toBe(900);
    telemetry(1, 100, { session: 2 });
    expect(status.statusOf('v').links[0]?.vehicle?.rttUs).toBe(100);
  });
});

describe('what an earlier run of the gateway knew', () => {
  const remember = (ageMs: number, source: 'vehicle' | 'gateway' = 'gateway') =>
    status.restore([{ vehicleId: 'v', source, atMs: clock.ms - ageMs, frame: testFrame() }]);

  it.each([
    [100, 'stale', 'no authentic packet since the gateway started'],
    [20_000, 'stale', 'no authentic packet since the gateway started'],
    [3_600_000, 'offline', 'no authentic packet for more than 30 s'],
  ])('and last heard %i ms ago is never live: %s', (ageMs, state, why) => {
    remember(ageMs);
    expect(tunnel()).toMatchObject({ state, why, lastSeenAt: new Date(clock.ms - ageMs).toISOString() });
  });

  it('is not put over what this one has heard', () => {
    gatewayFrame(clock.ms);
    remember(0);
    telemetry(3, 77);
    remember(500, 'vehicle');
    expect([tunnel().state, control().state]).toEqual(['live', 'live']);
    expect(status.statusOf('v').links[0]?.vehicle?.rttUs).toBe(77);
  });

  it('becomes live with the first packet', () => {
    remember(1_000);
    gatewayFrame(clock.ms);
    expect(tunnel().state).toBe('live');
  });
});

it('shows the policy of whoever knows it', () => {
  const policy: PolicyStatus = {
    target: 3,
    targetDigest: 'a',
    applied: 2,
    appliedDigest: 'b',
    state: 'pending',
    reason: '',
    at: null,
  };
  expect(status.statusOf('v').policy.state).toBe('none');
  status.usePolicyStatus(() => policy);
  expect(status.statusOf('v').policy).toBe(policy);
});

it('forgets vehicles that are no more, and devices that are not active', () => {
  gatewayFrame(clock.ms);
  events.emit('vehicle-removed', { vehicleId: 'v' });
  expect(tunnel().state).toBe('never');
  events.emit('device-revoked', { deviceId: 'd', vehicleId: 'v', reason: 'stolen' });
  telemetry(1, 1);
  expect(control().state).toBe('never');
});
