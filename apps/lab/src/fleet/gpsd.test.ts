import { expect, it } from 'vitest';
import { describeVersion, readWatch, tpv } from './gpsd.js';

it('greets with the protocol version that clients look for', () => {
  expect(JSON.parse(describeVersion())).toMatchObject({ class: 'VERSION', proto_major: 3 });
});

it.each([
  ['?WATCH={"enable":true,"json":true}', true],
  ['?WATCH={"enable":true,"json":true};', true],
  ['?WATCH={"json":true}', true],
  ['?WATCH={"enable":false}', false],
  ['?WATCH={"enable":true,"nmea":true}', false],
  ['?WATCH', false],
  ['?WATCH={not json}', undefined],
  ['?POLL;', undefined],
])('%s asks for reports: %s', (line, wanted) => {
  expect(readWatch(line)).toBe(wanted);
});

it('a fix has position, speed in metres per second and track, and ends its line as gpsd does', () => {
  const line = tpv({ time: '2026-11-23T08:00:00.000Z', at: [10.35, 49.52], speedMps: 12.5, headingDeg: 271.23456 });
  expect(line.endsWith('\r\n')).toBe(true);
  expect(JSON.parse(line)).toMatchObject({
    class: 'TPV',
    mode: 3,
    lat: 49.52,
    lon: 10.35,
    speed: 12.5,
    track: 271.235,
  });
});
