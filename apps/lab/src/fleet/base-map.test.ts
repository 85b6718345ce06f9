import { CITY_M, CityMap } from '@corridor/sim';
import { describe, expect, it } from 'vitest';
import { baseMap } from './base-map.js';
import { cityBounds, lonLat } from './world.js';

const city = new CityMap(17);
const map = baseMap(city);
const ofKind = (kind: string) => map.features.filter(({ properties }) => properties.kind === kind);

describe('the base map of the synthetic city', () => {
  it('is small, and lies within its own bounds', () => {
    const [west, south, east, north] = cityBounds();
    expect(JSON.stringify(map).length).toBeLessThan(400_000);
    for (const { geometry } of map.features) {
      for (const [longitude, latitude] of geometry.coordinates.flat(2).length === 2
        ? [geometry.coordinates as unknown as [number, number]]
        : ((geometry.type === 'Polygon' ? geometry.coordinates[0] : geometry.coordinates) as [number, number][])) {
        expect(longitude).toBeGreaterThanOrEqual(west - 1e-6);
        expect(longitude).toBeLessThanOrEqual(east + 1e-6);
        expect(latitude).toBeGreaterThanOrEqual(south - 1e-6);
        expect(latitude).toBeLessThanOrEqual(north + 1e-6);
      }
    }
  });

  it('has the streets that the ambulances drive, closed to a loop', () => {
    const streets = ofKind('main').map(({ geometry }) => geometry.coordinates);
    expect(streets).toHaveLength(city.corners.length);
    streets.forEach((street, index) => {
      expect(street.at(-1)).toEqual(streets[(index + 1) % streets.length]?.[0]);
    });
  });

  it('shows as much coverage as the drive has: best beside a mast, worse far from it', () => {
    const cells = ofKind('coverage');
    expect(cells).toHaveLength((CITY_M / 200) ** 2);
    const qualities = cells.map(({ properties }) => properties.quality as number);
    expect(Math.max(...qualities)).toBeGreaterThan(0.9);
    expect(Math.min(...qualities)).toBeLessThan(0.5);
    for (const { properties } of cells) {
      const each = ['w0', 'w1', 'w2'].map((link) => properties[link] as number);
      expect(properties.quality).toBe(Math.max(...each));
    }
  });

  it('closes every polygon', () => {
    for (const { geometry } of map.features) {
      if (geometry.type !== 'Polygon') continue;
      for (const ring of geometry.coordinates) expect(ring.at(-1)).toEqual(ring[0]);
    }
  });
});

it('a kilometre east and north of the corner is a kilometre in degrees', () => {
  const [west, south] = lonLat({ x: 0, y: 0 });
  const [east, north] = lonLat({ x: 1000, y: 1000 });
  expect((north - south) * 111.32).toBeCloseTo(1, 3);
  expect((east - west) * 111.32 * Math.cos((south * Math.PI) / 180)).toBeCloseTo(1, 3);
});
