import { describe, expect, it } from 'vitest';
import {
  anyDeviceTopic,
  DEVICE_PUBLISHES,
  DEVICE_RETAINS,
  DEVICE_SUBSCRIBES,
  deviceTopic,
  parseTopic,
} from './topics.js';

const DEVICE = '0192f4c8-6a10-7b3e-9c55-0d1a2b3c4d5e';

describe('MQTT topics', () => {
  it.each([...DEVICE_PUBLISHES, ...DEVICE_SUBSCRIBES])('%s of a device is read as it was written', (leaf) => {
    expect(parseTopic(deviceTopic(DEVICE, leaf))).toEqual({ deviceId: DEVICE, leaf });
  });

  it('no leaf goes both ways, and what is retained is one that the device publishes', () => {
    expect(DEVICE_PUBLISHES.filter((leaf) => (DEVICE_SUBSCRIBES as readonly string[]).includes(leaf))).toEqual([]);
    expect(DEVICE_PUBLISHES).toContain(DEVICE_RETAINS);
  });

  it('the gateway subscribes to one level for the device', () => {
    expect(anyDeviceTopic('policy/ack')).toBe('corridor/v1/+/policy/ack');
  });

  it.each([
    '',
    '$SYS/broker/uptime',
    `corridor/v2/${DEVICE}/status`,
    `corridor/v1/${DEVICE}`,
    `corridor/v1/${DEVICE}/`,
    `corridor/v1/+/status`,
    `corridor/v1/#`,
    `/corridor/v1/${DEVICE}/status`,
    `corridor/v1/${DEVICE.toUpperCase()}/status`,
    `corridor/v1/${DEVICE}/status\n`,
    `x/corridor/v1/${DEVICE}/status`,
  ])('"%s" is none of ours', (topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });
});
