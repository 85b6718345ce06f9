import { expect, test } from 'vitest';
import type { AgentReport } from './report.js';
import { seconds, statusText } from './status-text.js';

const REPORT: AgentReport = {
  role: 'vehicle',
  atUs: 100e6,
  tun: { name: 'corridor', mtu: 1400 },
  peers: [],
  uplinks: [],
  process: {
    pid: 7,
    version: '0.1.0',
    uptimeSeconds: 90,
    rssBytes: 85e6,
    heapUsedBytes: 0,
    arrayBufferBytes: 0,
    cpuUserUs: 0,
    cpuSystemUs: 0,
    aead: 'openssl',
  },
  refusals: {},
  counters: {},
  agent: {
    enrolment: {
      deviceId: 'd-1',
      state: 'active',
      gateway: 'https://gateway.example:8443',
      vehicle: 'RTW 1',
      organisation: 'County',
    },
    tunnelFault: '',
    credentials: { expiresInSeconds: 600, problem: '', rotating: false },
    control: { connected: true, detail: 'mqtt://10.77.0.1:1883', forSeconds: 60 },
    policy: { inForce: 3, probation: true },
    spool: { session: 4, held: 2, dropped: 0, numbered: 90 },
    clock: { trusted: '2026-11-23T08:00:00.000Z', machineAheadSeconds: -157_784_760 },
    gpsd: { connected: true, position: null },
  },
};

test('the status is a page that people can read', () => {
  expect(statusText(REPORT)).toBe(`vehicle     RTW 1 of County
device      d-1, enrolled at https://gateway.example:8443
tunnel      none
control     mqtt://10.77.0.1:1883, connected for 60 s
policy      version 3, being tried
credentials good for 10 min
telemetry   session 4, 2 records kept until the gateway has them, 0 given up
clock       2026-11-23T08:00:00.000Z by the gateway; this machine's clock is 1826 days behind
position    no fix
memory      85 MB, running for 90 s
`);
});

test('what an uplink may still carry, and where its modem is, has a line', () => {
  const wwan0 = { name: 'wwan0', ifindex: 3, addresses: ['10.0.0.2'], priority: 1, metered: true };
  const cap = { usedBytes: 4e9, capBytes: 5e9, capSince: '2026-11-15T00:00:00.000Z', roaming: false, signal: 0.5 };
  const text = statusText({
    ...REPORT,
    uplinks: [
      { ...wwan0, ...cap },
      { ...wwan0, name: 'eth0' },
    ],
  });
  expect(text).toMatch(/^uplink wwan0: 4\.00 GB of 5\.00 GB since 2026-11-15; at home, signal 50 %$/m);
  expect(text).not.toMatch(/uplink eth0/);
});

test('what is wrong stands where it belongs', () => {
  const text = statusText({
    ...REPORT,
    agent: {
      ...REPORT.agent,
      enrolment: { ...REPORT.agent.enrolment, state: 'pending', vehicle: null, organisation: null },
      tunnelFault: 'the TUN device "corridor" is in use',
      credentials: { expiresInSeconds: -60, problem: 'revoked', rotating: true },
      control: { connected: false, detail: 'no answer', forSeconds: 5 },
      policy: { inForce: 0, probation: false },
      clock: { trusted: null, machineAheadSeconds: null },
      gpsd: null,
    },
  });
  for (const line of [
    /^vehicle +not known yet$/m,
    /^device .*, waits for approval at/m,
    /^tunnel +none: the TUN device "corridor" is in use$/m,
    /^control +not connected for 5 s: no answer$/m,
    /^policy +built in: the gateway has not sent one yet$/m,
    /^credentials +expired 60 s ago; keys are being rotated; revoked$/m,
    /^clock +not known: the gateway has not told the time since boot$/m,
    /^position +no gpsd configured$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test.each([
  [0, '0 s'],
  [119, '119 s'],
  [120, '2 min'],
  [7199, '119 min'],
  [7200, '2 h'],
  [200_000, '2 days'],
])('%i seconds are %s', (value, text) => {
  expect(seconds(value)).toBe(text);
});
