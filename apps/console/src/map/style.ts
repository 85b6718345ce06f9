import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import countriesUrl from 'world-atlas/countries-50m.json?url';

/** Colours of the map; canvases do not see style sheets. */
interface Palette {
  readonly water: string;
  readonly land: string;
  readonly border: string;
  readonly built: string;
  readonly building: string;
  readonly park: string;
  readonly street: string;
  readonly casing: string;
  readonly main: string;
  readonly motorway: string;
  readonly rail: string;
  readonly text: string;
  readonly textSoft: string;
  readonly halo: string;
}

const LIGHT: Palette = {
  water: '#b9d4e8',
  land: '#f1f0eb',
  border: '#a9adb3',
  built: '#e9e7e1',
  building: '#dcd8cf',
  park: '#cfe5c4',
  street: '#ffffff',
  casing: '#d4d0c7',
  main: '#ffffff',
  motorway: '#f5d491',
  rail: '#a9a49a',
  text: '#2d3640',
  textSoft: '#5d6873',
  halo: '#ffffff',
};

const DARK: Palette = {
  water: '#0d1c2b',
  land: '#161b21',
  border: '#3a4652',
  built: '#1b2129',
  building: '#262e38',
  park: '#16291f',
  street: '#2c3540',
  casing: '#12161b',
  main: '#3a4552',
  motorway: '#5a4a2a',
  rail: '#4a525c',
  text: '#dbe2ea',
  textSoft: '#97a3b0',
  halo: '#10151a',
};

/** Drawn by the browser itself: the style has no `glyphs` address, so no font is ever fetched. */
const FONT = ['Inter Variable', 'sans-serif'];
export const COUNTRIES = 'countries';
export const CITY = 'city';
const NOTHING: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };

/** Countries everywhere, and where the operator has one, a city from the base map's `kind`s. Nothing is fetched by the map. */
export function baseStyle(isDark: boolean): StyleSpecification {
  const colours = isDark ? DARK : LIGHT;
  return {
    version: 8,
    sources: {
      [COUNTRIES]: { type: 'geojson', data: NOTHING, attribution: 'Natural Earth' },
      [CITY]: { type: 'geojson', data: NOTHING, tolerance: 0.2 },
    },
    layers: [
      // Land until the countries are there: an empty map should not look like a sea.
      { id: 'water', type: 'background', paint: { 'background-color': colours.land } },
      { id: 'land', type: 'fill', source: COUNTRIES, paint: { 'fill-color': colours.land } },
      {
        id: 'borders',
        type: 'line',
        source: COUNTRIES,
        paint: { 'line-color': colours.border, 'line-width': ['interpolate', ['linear'], ['zoom'], 2, 0.4, 8, 1.2] },
      },
      ...areas(colours),
      ...lines(colours),
      ...labels(colours),
    ],
  };
}

function ofKind(...kinds: string[]): ['in', ['get', 'kind'], ['literal', string[]]] {
  return ['in', ['get', 'kind'], ['literal', kinds]];
}

function areas(colours: Palette): LayerSpecification[] {
  const fill = (kind: string, colour: string, more: object = {}): LayerSpecification => ({
    id: `city-${kind}`,
    type: 'fill',
    source: CITY,
    filter: ['all', ['==', ['geometry-type'], 'Polygon'], ofKind(kind)],
    paint: { 'fill-color': colour, ...more },
  });
  return [
    fill('built', colours.built),
    fill('park', colours.park),
    fill('water', colours.water),
    {
      id: 'city-river',
      type: 'line',
      source: CITY,
      filter: ofKind('river'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': colours.water, 'line-width': width(3, 40) },
    },
    { ...(fill('building', colours.building) as object), minzoom: 13 } as LayerSpecification,
  ];
}

/** Width that grows with the zoom as streets do: `at10` and `at17` pixels. */
function width(
  at10: number,
  at17: number,
): ['interpolate', ['exponential', number], ['zoom'], number, number, number, number] {
  return ['interpolate', ['exponential', 1.6], ['zoom'], 10, at10, 17, at17];
}

function lines(colours: Palette): LayerSpecification[] {
  const line = (
    id: string,
    kinds: string[],
    colour: string,
    thin: number,
    wide: number,
    more: object = {},
  ): LayerSpecification => ({
    id,
    type: 'line',
    source: CITY,
    filter: ofKind(...kinds),
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': colour, 'line-width': width(thin, wide), ...more },
  });
  return [
    line('city-path', ['path'], colours.casing, 0.3, 2, { 'line-dasharray': [2, 2] }),
    line('city-street-casing', ['street'], colours.casing, 0.8, 13),
    line('city-main-casing', ['main'], colours.casing, 2, 22),
    line('city-motorway-casing', ['motorway'], colours.casing, 3, 28),
    line('city-street', ['street'], colours.street, 0.5, 10),
    line('city-main', ['main'], colours.main, 1.3, 18),
    line('city-motorway', ['motorway'], colours.motorway, 2, 22),
    line('city-rail', ['rail'], colours.rail, 0.8, 3, { 'line-dasharray': [4, 2] }),
  ];
}

function labels(colours: Palette): LayerSpecification[] {
  const halo = { 'text-halo-color': colours.halo, 'text-halo-width': 1.4 };
  return [
    {
      id: 'country-names',
      type: 'symbol',
      source: COUNTRIES,
      maxzoom: 7,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'text-max-width': 7,
        'text-padding': 12,
      },
      paint: { 'text-color': colours.textSoft, ...halo },
    },
    {
      id: 'city-line-names',
      type: 'symbol',
      source: CITY,
      minzoom: 12.5,
      filter: ['all', ['has', 'name'], ofKind('main', 'motorway', 'street', 'river')],
      layout: {
        'symbol-placement': 'line',
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 11,
        'symbol-spacing': 380,
      },
      paint: { 'text-color': colours.textSoft, ...halo },
    },
    {
      id: 'city-area-names',
      type: 'symbol',
      source: CITY,
      minzoom: 12,
      filter: ['all', ['has', 'name'], ofKind('park', 'water')],
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 11, 'text-max-width': 8 },
      paint: { 'text-color': colours.textSoft, ...halo },
    },
    {
      id: 'city-points',
      type: 'symbol',
      source: CITY,
      minzoom: 10.5,
      filter: ofKind('hospital', 'station', 'mast'),
      layout: {
        'icon-image': ['concat', 'point-', ['get', 'kind']],
        'icon-allow-overlap': true,
        'text-field': ['step', ['zoom'], '', 12, ['coalesce', ['get', 'name'], '']],
        'text-font': FONT,
        'text-size': 11.5,
        'text-anchor': 'top',
        'text-offset': [0, 0.9],
        'text-optional': true,
      },
      paint: { 'text-color': colours.text, ...halo },
    },
    {
      id: 'city-places',
      type: 'symbol',
      source: CITY,
      filter: ofKind('place'),
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': ['match', ['coalesce', ['get', 'rank'], 2], 1, 16, 2, 13, 12],
        'text-letter-spacing': 0.03,
      },
      paint: { 'text-color': colours.text, ...halo },
    },
  ];
}

/** What lies between the countries, once they are drawn. */
export function waterColour(isDark: boolean): string {
  return (isDark ? DARK : LIGHT).water;
}

/** Countries as GeoJSON, unpacked in the browser from our own origin. */
export async function loadCountries(): Promise<GeoJSON.FeatureCollection> {
  const [{ feature }, response] = await Promise.all([import('topojson-client'), fetch(countriesUrl)]);
  if (!response.ok) throw new Error(`the map of the world answered ${response.status}`);
  const world = await response.json();
  return feature(world, world.objects.countries) as unknown as GeoJSON.FeatureCollection;
}

/** The layers of the vehicles, above everything. */
export function vehicleLayers(isDark: boolean): LayerSpecification[] {
  const colours = isDark ? DARK : LIGHT;
  return [
    {
      id: 'vehicle-pointed',
      type: 'circle',
      source: 'vehicles',
      filter: ['==', ['get', 'id'], ''],
      paint: { 'circle-radius': 20, 'circle-color': isDark ? '#6fb0ff' : '#0b5fc4', 'circle-opacity': 0.25 },
    },
    {
      id: 'vehicle-heading',
      type: 'symbol',
      source: 'vehicles',
      filter: ['has', 'heading'],
      layout: {
        'icon-image': 'heading',
        'icon-rotate': ['get', 'heading'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
      },
    },
    {
      id: 'vehicles',
      type: 'symbol',
      source: 'vehicles',
      layout: {
        'icon-image': ['concat', 'vehicle-', ['get', 'state']],
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
        'symbol-sort-key': ['match', ['get', 'state'], 'offline', 3, 'stale', 2, 1],
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'text-anchor': 'top',
        'text-offset': [0, 1.1],
        'text-optional': true,
      },
      paint: { 'text-color': colours.text, 'text-halo-color': colours.halo, 'text-halo-width': 1.6 },
    },
  ];
}
