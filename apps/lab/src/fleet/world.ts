/** Where the synthetic city lies in the world: farmland in Franconia, far from any coast. */
import { CITY_M, type Point } from '@corridor/sim';

const SOUTH_WEST = { latitude: 49.512, longitude: 10.338 };
const METRES_PER_DEGREE = 111_320;

/** WGS 84 degrees, longitude first, as GeoJSON has it. */
export type LonLat = [longitude: number, latitude: number];

/** A city is small enough for a flat earth: the error over 4 km is below a metre. */
export function lonLat({ x, y }: Point): LonLat {
  const latitude = SOUTH_WEST.latitude + y / METRES_PER_DEGREE;
  const perDegree = METRES_PER_DEGREE * Math.cos((SOUTH_WEST.latitude * Math.PI) / 180);
  return [rounded(SOUTH_WEST.longitude + x / perDegree), rounded(latitude)];
}

/** West, south, east, north. */
export function cityBounds(): [number, number, number, number] {
  return [...lonLat({ x: 0, y: 0 }), ...lonLat({ x: CITY_M, y: CITY_M })];
}

/** 1e-6 degrees are 0.1 m. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
