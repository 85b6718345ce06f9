/**
 * The base map of the synthetic city as GeoJSON, in the console's vocabulary (`properties.kind`): streets with invented
 * names, water, parks, the hospital, masts, and how well each place is covered. A pure function of the city.
 */
import { CITY_M, type CityMap, OPERATORS, type Point } from '@corridor/sim';
import { cityBounds, type LonLat, lonLat } from './world.js';

export interface MapFeature {
  readonly type: 'Feature';
  readonly properties: Readonly<Record<string, string | number>>;
  readonly geometry:
    | { readonly type: 'Point'; readonly coordinates: LonLat }
    | { readonly type: 'LineString'; readonly coordinates: readonly LonLat[] }
    | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly LonLat[])[] };
}

export interface BaseMap {
  readonly type: 'FeatureCollection';
  readonly bbox: readonly [number, number, number, number];
  readonly features: readonly MapFeature[];
}

/** Edge of a cell of the coverage, metres. */
const CELL_M = 200;
const BLOCK_M = 250;
/** Around the route nothing is built but streets. */
const PARKS = [
  { name: 'Westpark', at: { x: 760, y: 2_350 }, radiusM: 280 },
  { name: 'Lindenhain', at: { x: 2_950, y: 3_250 }, radiusM: 210 },
  { name: 'Mill Meadows', at: { x: 2_300, y: 700 }, radiusM: 240 },
];
const PLACES = [
  { name: 'Auenbrück', rank: 1, at: { x: 2_000, y: 2_080 } },
  { name: 'Old Town', rank: 3, at: { x: 2_350, y: 2_450 } },
  { name: 'Harbour', rank: 3, at: { x: 3_350, y: 1_250 } },
  { name: 'Westpark', rank: 3, at: { x: 620, y: 2_700 } },
  { name: 'Trade Fair', rank: 3, at: { x: 1_150, y: 900 } },
  { name: 'Hospital Hill', rank: 3, at: { x: 1_300, y: 3_350 } },
];
/** Streets across the city, from west to east and from south to north: name, and where they lie. */
const EAST_WEST = [
  'Millers Lane',
  'Ropewalk',
  'Cooper Street',
  'Lantern Street',
  'Saddlers Row',
  'Vine Street',
  'Abbey Lane',
];
const NORTH_SOUTH = [
  'Ferry Street',
  'Tanners Way',
  'Bell Street',
  'Fountain Street',
  'Orchard Road',
  'Quarry Road',
  'Salt Lane',
];
const ROUTE_STREETS = [
  'Eastern Ring',
  'Station Road',
  'Castle Avenue',
  'Hospital Road',
  'Northern Ring',
  'Park Avenue',
  'Western Ring',
  'Fair Avenue',
  'Harbour Road',
];

export function baseMap(city: CityMap): BaseMap {
  return {
    type: 'FeatureCollection',
    bbox: cityBounds(),
    features: [
      ...coverage(city),
      ...built(),
      ...PARKS.map(({ name, at, radiusM }) => polygon({ kind: 'park', name }, blob(at, radiusM))),
      ...river(),
      ...streets(),
      ...route(city),
      ...city.stretches.map(({ name, fromM, toM }) =>
        line({ kind: 'tunnel', name }, [city.pointAt(fromM), city.pointAt((fromM + toM) / 2), city.pointAt(toM)]),
      ),
      ...PLACES.map(({ name, rank, at }) => point({ kind: 'place', name, rank }, at)),
      point({ kind: 'hospital', name: 'Auenbrück General Hospital' }, { x: 1_480, y: 3_120 }),
      point({ kind: 'station', name: 'Ambulance Station South' }, { x: 2_500, y: 1_150 }),
      ...masts(city),
    ],
  };
}

/** One square each {@link CELL_M}: reception of every operator under an open sky, and of the best one. */
function coverage(city: CityMap): MapFeature[] {
  const cells: MapFeature[] = [];
  for (let x = 0; x < CITY_M; x += CELL_M) {
    for (let y = 0; y < CITY_M; y += CELL_M) {
      const middle = { x: x + CELL_M / 2, y: y + CELL_M / 2 };
      const each = OPERATORS.map((_, operator) => hundredths(city.openReceptionAt(operator, middle).quality));
      const links = Object.fromEntries(each.map((quality, operator) => [`w${operator}`, quality]));
      cells.push(polygon({ kind: 'coverage', quality: Math.max(...each), ...links }, square(x, y, CELL_M)));
    }
  }
  return cells;
}

/** Blocks of houses between the streets, inside the city's edge. */
function built(): MapFeature[] {
  const blocks: MapFeature[] = [];
  for (let x = BLOCK_M; x < CITY_M - BLOCK_M; x += BLOCK_M) {
    for (let y = BLOCK_M; y < CITY_M - BLOCK_M; y += BLOCK_M) {
      const middle = { x: x + BLOCK_M / 2, y: y + BLOCK_M / 2 };
      const green = PARKS.some(({ at, radiusM }) => distance(at, middle) < radiusM + BLOCK_M / 2);
      const wet = Math.abs(middle.y - riverY(middle.x)) < 140;
      const outside = distance(middle, { x: CITY_M / 2, y: CITY_M / 2 }) > CITY_M * 0.49;
      if (!green && !wet && !outside) blocks.push(polygon({ kind: 'built' }, square(x + 14, y + 14, BLOCK_M - 28)));
    }
  }
  return blocks;
}

function river(): MapFeature[] {
  const xs = Array.from({ length: 41 }, (_, step) => (step / 40) * CITY_M);
  const bank = (side: number) => xs.map((x) => ({ x, y: riverY(x) + side * 45 }));
  const basin = [
    { x: 3_120, y: 1_050 },
    { x: 3_560, y: 1_020 },
    { x: 3_580, y: 1_170 },
    { x: 3_140, y: 1_190 },
  ];
  return [
    polygon({ kind: 'water', name: 'Aue' }, [...bank(1), ...bank(-1).reverse()]),
    polygon({ kind: 'water', name: 'River Port' }, basin),
  ];
}

function riverY(x: number): number {
  return 1_450 + 210 * Math.sin(x / 620) + 0.06 * x;
}

function streets(): MapFeature[] {
  const between = (index: number) => 500 + index * 500;
  const across = (name: string, index: number) =>
    [{ x: 200, y: between(index) }, { x: CITY_M - 200, y: between(index) }, name] as const;
  const lines = [
    ...EAST_WEST.map(across),
    ...NORTH_SOUTH.map((name, index) => {
      const [from, to] = across(name, index);
      return [{ x: from.y, y: from.x }, { x: to.y, y: to.x }, name] as const;
    }),
  ];
  const railway = Array.from({ length: 21 }, (_, step) => ({ x: step * 200, y: 2_900 - step * 42 }));
  return [
    ...lines.map(([from, to, name]) => line({ kind: 'street', name }, [from, to])),
    line({ kind: 'rail', name: 'Main Line' }, railway),
  ];
}

/** The streets that the ambulances drive. */
function route(city: CityMap): MapFeature[] {
  const { corners } = city;
  return corners.map((corner, index) =>
    line({ kind: 'main', name: ROUTE_STREETS[index % ROUTE_STREETS.length] as string }, [
      corner,
      corners[(index + 1) % corners.length] as Point,
    ]),
  );
}

function masts(city: CityMap): MapFeature[] {
  return city.sites.flatMap((sites, operator) =>
    sites.map((at) => point({ kind: 'mast', operator: OPERATORS[operator]?.name as string, link: `w${operator}` }, at)),
  );
}

function blob({ x, y }: Point, radiusM: number): Point[] {
  return Array.from({ length: 24 }, (_, step) => {
    const angle = (step / 24) * 2 * Math.PI;
    const radius = radiusM * (1 + 0.12 * Math.sin(3 * angle + x));
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle) };
  });
}

function square(x: number, y: number, edgeM: number): Point[] {
  return [
    { x, y },
    { x: x + edgeM, y },
    { x: x + edgeM, y: y + edgeM },
    { x, y: y + edgeM },
  ];
}

function point(properties: MapFeature['properties'], at: Point): MapFeature {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: lonLat(at) } };
}

function line(properties: MapFeature['properties'], points: readonly Point[]): MapFeature {
  return { type: 'Feature', properties, geometry: { type: 'LineString', coordinates: points.map(lonLat) } };
}

/** @param corners the ring without its last point, which is the first again. */
function polygon(properties: MapFeature['properties'], corners: readonly Point[]): MapFeature {
  const ring = [...corners, corners[0] as Point].map(lonLat);
  return { type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [ring] } };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
