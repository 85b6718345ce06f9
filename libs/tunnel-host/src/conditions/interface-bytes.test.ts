import { expect, it } from 'vitest';
import { interfaceBytes, parseNetDev } from './interface-bytes.js';

const RECORDED = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  940134    3171    0    0    0     0          0         0   940134    3171    0    0    0     0       0          0
 wwan0:123456789012  999    0    0    0     0          0         0  1000000    5000    0    0    0     0       0          0
eth0.5:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;

it('bytes of both directions are read for each interface', () => {
  expect([...parseNetDev(RECORDED)]).toEqual([
    ['lo', 1_880_268],
    ['wwan0', 123_457_789_012],
    ['eth0.5', 0],
  ]);
});

it('this machine has such a file', () => {
  expect(interfaceBytes().has('lo')).toBe(true);
});
