import type { PeerStatus } from '@corridor/tunnel';
import type { HostStatus } from '@corridor/tunnel-host';
import { expect, test } from 'vitest';
import { duration, statusText, table } from './status-text.js';

const direction = {
  delayVariationUs: 1500,
  jitterUs: 300,
  lossRatio: 0.012,
  rateBps: 5_000_000,
  packets: 1200,
  bytes: 1e6,
  lost: 14,
};

const peer = {
  name: 'gateway',
  publicKey: 'cHVibGlj',
  session: 'established',
  establishedAtUs: 0,
  heardAtUs: 0,
  cipher: 'aes-256-gcm',
  policyVersion: 3,
  paths: [
    {
      id: 0,
      name: 'w0',
      state: 'up',
      reason: 'acknowledged',
      sinceUs: 60_000_000,
      blocked: false,
      remote: '203.0.113.10:4510',
      rttUs: 41_200,
      minRttUs: 40_000,
      rttVarUs: 900,
      maxDatagramBytes: 1440,
      mtu: 1400,
      priority: 1,
      metered: false,
      send: direction,
      receive: { ...direction, rateBps: 64_000 },
    },
    {
      id: 1,
      name: 'w1',
      state: 'down',
      reason: 'silent for 2 s',
      sinceUs: 119_000_000,
      blocked: true,
      remote: '203.0.113.10:4510',
      rttUs: 0,
      minRttUs: 0,
      rttVarUs: 0,
      maxDatagramBytes: 1310,
      mtu: 1270,
      priority: 2,
      metered: true,
      send: direction,
      receive: direction,
    },
  ],
  classes: [
    {
      name: 'vitals',
      strategy: 'redundant',
      mode: 'copies',
      paths: ['w0', 'w1'],
      reason: 'copies on both',
      sinceUs: 0,
    },
    {
      name: 'default',
      strategy: 'active-standby',
      mode: 'single',
      paths: ['w0', 'w1'],
      reason: 'preferred',
      sinceUs: 0,
    },
    {
      name: 'video',
      strategy: 'adaptive',
      mode: 'spill',
      paths: ['w0', 'w1'],
      reason: 'w0 is first',
      sinceUs: 0,
    },
    {
      name: 'web',
      strategy: 'load-balancing',
      mode: 'balance',
      paths: ['w0', 'w1'],
      reason: 'w0 is first',
      sinceUs: 0,
    },
  ],
  counters: { packetsSent: 10, notAuthentic: 2, rekeys: 0 },
} as unknown as PeerStatus;

const status: HostStatus = {
  role: 'vehicle',
  atUs: 120_000_000,
  tun: { name: 'cor0', mtu: 1400 },
  peers: [peer],
  uplinks: [{ name: 'w0', ifindex: 3, addresses: ['10.0.0.2'], priority: 1, metered: false }],
  process: {
    pid: 42,
    version: '0.1.0',
    uptimeSeconds: 120,
    rssBytes: 80e6,
    heapUsedBytes: 1,
    arrayBufferBytes: 1,
    cpuUserUs: 900_000,
    cpuSystemUs: 600_000,
    aead: 'openssl',
  },
  refusals: {},
  counters: {},
};

test('the status shows what is asked for most, aligned', () => {
  expect(statusText(status)).toBe(
    [
      'vehicle on cor0 (mtu 1400), up 2 min, process 42, 80 MB, 1.5 s of CPU, AES by openssl',
      'uplinks: w0 10.0.0.2',
      '',
      'gateway cHVibGlj',
      '  session established for 2 min, aes-256-gcm, policy 3',
      '  path          state           for    rtt      mtu   dir   delay+  jitter  loss   rate         packets  lost  remote             why',
      '  w0            up              60 s   41.2 ms  1400  send  1.5 ms  0.3 ms  1.2 %  5.0 Mbit/s   1200     14    203.0.113.10:4510  acknowledged',
      '                                                      recv  1.5 ms  0.3 ms  1.2 %  64.0 kbit/s  1200     14',
      '  w1 (metered)  down (blocked)  1.0 s  -        1270  send  1.5 ms  0.3 ms  1.2 %  5.0 Mbit/s   1200     14    203.0.113.10:4510  silent for 2 s',
      '                                                      recv  1.5 ms  0.3 ms  1.2 %  5.0 Mbit/s   1200     14',
      '  class    strategy        sends         for    why',
      '  vitals   redundant       w0 + w1       2 min  copies on both',
      '  default  active-standby  w0 (then w1)  2 min  preferred',
      '  video    adaptive        w0 > w1       2 min  w0 is first',
      '  web      load-balancing  w0 / w1       2 min  w0 is first',
      '  counters: packets sent 10, not authentic 2',
      '',
    ].join('\n'),
  );
});

test('refused datagrams are shown when there are any', () => {
  const text = statusText({ ...status, refusals: { 'unknown-key': 3, 'bad-mac': 10 } });
  expect(text).toContain('\nrefused datagrams: unknown-key 3, bad-mac 10\n');
});

test('restored order has a line where there is any', () => {
  const order = { flows: 3, waiting: 2, filled: 910, givenUp: 4, late: 1, longestWaitUs: 131_200 };
  expect(statusText({ ...status, peers: [{ ...peer, order }] })).toContain(
    '\n  order: 2 packets wait, 910 missing ones came in time, 4 holes given up (1 came late), longest wait 131 ms\n',
  );
  expect(statusText(status)).not.toContain('order:');
});

test('a vehicle without uplinks and a gateway without peers say so', () => {
  expect(statusText({ ...status, uplinks: [], peers: [] })).toContain(
    'uplinks: none (no configured interface is up with a usable address)',
  );
  expect(statusText({ ...status, role: 'gateway', peers: [] })).toMatch(/no peers\n$/);
});

test.each([
  [0, '0.0 s'],
  [9_940_000, '9.9 s'],
  [11_000_000, '11 s'],
  [125_000_000, '2 min'],
  [7_300_000_000, '2 h'],
  [-5, '0.0 s'],
])('%d us is %s', (us, text) => {
  expect(duration(us)).toBe(text);
});

test('columns are as wide as their widest cell', () => {
  expect(
    table([
      ['a', 'bb', 'c'],
      ['aaa', 'b', ''],
    ]),
  ).toEqual(['a    bb  c', 'aaa  b']);
});
