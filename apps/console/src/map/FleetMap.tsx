import 'maplibre-gl/dist/maplibre-gl.css';
import '../styles/map.css';
import type { LiveVehicle } from '@corridor/contracts';
import {
  type GeoJSONSource,
  LngLatBounds,
  Map as MapLibreMap,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../api/client.js';
import * as gateway from '../api/gateway.js';
import { useSession } from '../app/session.js';
import { useIsDark } from '../app/theme.js';
import { IconButton } from '../ui/controls.js';
import { Notice } from '../ui/feedback.js';
import { type Bounds, boundsOf, featureDiff, geoJson, type VehicleFeature, vehicleFeatures } from './features.js';
import { addIcons } from './icons.js';
import { VehiclePopup } from './Popup.js';
import { baseStyle, CITY, COUNTRIES, loadCountries, vehicleLayers, waterColour } from './style.js';

setWorkerUrl(workerUrl);

interface Props {
  readonly vehicles: readonly LiveVehicle[];
  readonly isCurrent: boolean;
  /** Id of the vehicle to which the list points. */
  readonly pointed: string | null;
  readonly onOpen: (id: string) => void;
  /** Follow the one vehicle that is shown. */
  readonly follow?: boolean;
}

/** Base data by source, loaded once for the life of the page. */
const loaded: { countries?: Promise<GeoJSON.FeatureCollection>; city?: Promise<unknown> } = {};

/** The map: made once; vehicles move by diffs of one source. */
export default function FleetMap({ vehicles, isCurrent, pointed, onOpen, follow = false }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const isDark = useIsDark();
  const { features } = useSession();
  const [map, setMap] = useState<MapLibreMap | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [selected, setSelected] = useState<string | null>(null);
  const shown = useRef<ReadonlyMap<string, VehicleFeature>>(new Map());
  const fitted = useRef(false);

  useEffect(() => {
    if (holder.current === null) return;
    let made: MapLibreMap;
    try {
      made = createMap(holder.current, setMap);
    } catch (error) {
      setFailure(`This browser cannot draw the map (${messageOf(error)}). The list shows the same vehicles.`);
      return;
    }
    made.on('click', (event) => {
      const [hit] = made.getLayer('vehicles') ? made.queryRenderedFeatures(event.point, { layers: ['vehicles'] }) : [];
      setSelected(typeof hit?.properties.id === 'string' ? hit.properties.id : null);
    });
    made.on('mouseenter', 'vehicles', () => {
      made.getCanvas().style.cursor = 'pointer';
    });
    made.on('mouseleave', 'vehicles', () => {
      made.getCanvas().style.cursor = '';
    });
    return () => {
      setMap(null);
      made.remove();
    };
  }, []);

  // The style again with each theme; sources keep what they hold by being filled again.
  useEffect(() => {
    if (map === null) return;
    let dropped = false;
    map.setStyle(baseStyle(isDark), { diff: false });
    map.once('style.load', () => {
      if (dropped) return;
      addIcons(map);
      map.addSource('vehicles', {
        type: 'geojson',
        promoteId: 'id',
        data: { type: 'FeatureCollection', features: [...shown.current.values()].map(geoJson) },
      });
      for (const layer of vehicleLayers(isDark)) map.addLayer(layer);
      void fill(map, { baseMapUrl: features.baseMap, isDark }, () => dropped, setFailure).then((bounds) => {
        if (bounds !== null && !fitted.current) fitTo(map, bounds);
      });
    });
    return () => {
      dropped = true;
    };
  }, [map, isDark, features.baseMap]);

  useEffect(() => {
    if (map === null) return;
    const next = vehicleFeatures(vehicles, isCurrent);
    const diff = featureDiff(shown.current, next);
    shown.current = next;
    if (diff !== null) void (map.getSource('vehicles') as GeoJSONSource | undefined)?.updateData(diff);
    const bounds = boundsOf(next.values());
    if (bounds !== null && !fitted.current) {
      fitted.current = true;
      fitTo(map, bounds, follow ? 14.5 : 14);
    } else if (follow && bounds !== null) {
      const centre: [number, number] = [bounds[0], bounds[1]];
      if (!map.isMoving() && !map.getBounds().contains(centre)) map.panTo(centre);
    }
  }, [map, vehicles, isCurrent, follow]);

  useEffect(() => {
    if (map?.getLayer('vehicle-pointed') !== undefined)
      map.setFilter('vehicle-pointed', ['==', ['get', 'id'], pointed ?? '']);
  }, [map, pointed]);

  const chosen = selected === null ? undefined : vehicles.find(({ id }) => id === selected);
  const nobody = vehicles.length > 0 && !vehicles.some(({ status }) => status.position !== null);
  return (
    <div className="map">
      <div ref={holder} className="map-holder" />
      {map !== null && (
        <IconButton
          icon="locate"
          label="Show all vehicles"
          className="map-all"
          onClick={() => {
            const bounds = boundsOf(shown.current.values());
            if (bounds !== null) fitTo(map, bounds, follow ? 15 : 14);
          }}
        />
      )}
      {map !== null && chosen !== undefined && (
        <VehiclePopup
          map={map}
          vehicle={chosen}
          isCurrent={isCurrent}
          onOpen={onOpen}
          onClose={() => setSelected(null)}
        />
      )}
      {failure !== null && (
        <div className="map-note">
          <Notice kind="warning">{failure}</Notice>
        </div>
      )}
      {failure === null && nobody && (
        <div className="map-note">
          <Notice kind="info">No vehicle here has said where it is.</Notice>
        </div>
      )}
    </div>
  );
}

function createMap(container: HTMLElement, onLoad: (map: MapLibreMap) => void): MapLibreMap {
  const made = new MapLibreMap({
    container,
    style: { version: 8, sources: {}, layers: [] },
    center: [10, 50],
    zoom: 3.4,
    attributionControl: { compact: true },
    localIdeographFontFamily: '"Inter Variable", sans-serif',
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
    refreshExpiredTiles: false,
    reduceMotion: matchMedia('(prefers-reduced-motion: reduce)').matches,
  });
  made.touchZoomRotate.disableRotation();
  made.addControl(new NavigationControl({ showCompass: false }), 'top-right');
  made.addControl(new ScaleControl({ unit: 'metric' }), 'bottom-left');
  made.getCanvas().setAttribute('aria-label', 'Map of the vehicles; the list has the same content');
  made.once('style.load', () => onLoad(made));
  return made;
}

function fitTo(map: MapLibreMap, [west, south, east, north]: Bounds, maxZoom = 13): void {
  map.fitBounds(new LngLatBounds([west, south], [east, north]), { padding: 64, maxZoom, animate: false });
}

/** Fills the base map; answers the area of the operator's one, so that an empty fleet still shows the right place. */
async function fill(
  map: MapLibreMap,
  options: { readonly baseMapUrl: string | null; readonly isDark: boolean },
  isDropped: () => boolean,
  fail: (sentence: string) => void,
): Promise<Bounds | null> {
  const [city] = await Promise.all([
    fillCity(map, options.baseMapUrl, isDropped).catch((error) => {
      delete loaded.city;
      if (!isDropped()) fail(`The base map could not be loaded: ${messageOf(error)}`);
      return null;
    }),
    fillCountries(map, options.isDark, isDropped).catch((error) => {
      delete loaded.countries;
      if (!isDropped()) fail(`The map of the world could not be loaded: ${messageOf(error)}`);
    }),
  ]);
  return city;
}

async function fillCity(map: MapLibreMap, url: string | null, isDropped: () => boolean): Promise<Bounds | null> {
  if (url === null) return null;
  loaded.city ??= gateway.baseMap(url);
  const city = (await loaded.city) as GeoJSON.FeatureCollection;
  if (!isDropped()) (map.getSource(CITY) as GeoJSONSource).setData(city);
  return city.bbox?.length === 4 ? (city.bbox as [number, number, number, number]) : null;
}

async function fillCountries(map: MapLibreMap, isDark: boolean, isDropped: () => boolean): Promise<void> {
  loaded.countries ??= loadCountries();
  const countries = await loaded.countries;
  if (isDropped()) return;
  await (map.getSource(COUNTRIES) as GeoJSONSource).setData(countries);
  if (!isDropped()) map.setPaintProperty('water', 'background-color', waterColour(isDark));
}
