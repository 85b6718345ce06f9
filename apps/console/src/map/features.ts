import type { LiveVehicle } from '@corridor/contracts';
import type { GeoJSONSourceDiff } from 'maplibre-gl';
import { type ShownState, shownState } from '../live/shown.js';

/** A vehicle as the map draws it. */
export interface VehicleProperties {
  readonly name: string;
  readonly state: ShownState;
  /** Degrees; absent when it stands still or nobody knows. */
  readonly heading?: number;
  readonly [key: string]: unknown;
}

export interface VehicleFeature {
  readonly id: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly properties: VehicleProperties;
}

/** Below this speed a heading is noise of the receiver. */
const MOVES_ABOVE_MPS = 0.7;

/** Features of all vehicles that have ever said where they are, by id. */
export function vehicleFeatures(vehicles: Iterable<LiveVehicle>, isCurrent: boolean): Map<string, VehicleFeature> {
  const features = new Map<string, VehicleFeature>();
  for (const { id, name, status } of vehicles) {
    const { position, tunnel } = status;
    if (position === null) continue;
    const moves = position.headingDeg !== undefined && (position.speedMps ?? 0) > MOVES_ABOVE_MPS;
    const state = shownState(tunnel, isCurrent);
    features.set(id, {
      id,
      longitude: position.longitude,
      latitude: position.latitude,
      properties: { name, state, ...(moves && state === 'live' ? { heading: position.headingDeg as number } : {}) },
    });
  }
  return features;
}

/** What has to change on the map; null when nothing does. With 1,000 vehicles a few move in each step. */
export function featureDiff(
  before: ReadonlyMap<string, VehicleFeature>,
  after: ReadonlyMap<string, VehicleFeature>,
): GeoJSONSourceDiff | null {
  const remove = [...before.keys()].filter((id) => !after.has(id));
  const add: GeoJSON.Feature[] = [];
  const update: NonNullable<GeoJSONSourceDiff['update']> = [];
  for (const feature of after.values()) {
    const old = before.get(feature.id);
    if (old === undefined) add.push(geoJson(feature));
    else if (!same(old, feature)) {
      update.push({
        id: feature.id,
        newGeometry: pointOf(feature),
        // `removeAllProperties` would drop the id as well, and with it the feature's name in the next diff.
        removeProperties: Object.keys(old.properties).filter((key) => !(key in feature.properties)),
        addOrUpdateProperties: Object.entries(geoJson(feature).properties ?? {}).map(([key, value]) => ({
          key,
          value,
        })),
      });
    }
  }
  return remove.length + add.length + update.length === 0 ? null : { remove, add, update };
}

function same(a: VehicleFeature, b: VehicleFeature): boolean {
  return (
    a.longitude === b.longitude &&
    a.latitude === b.latitude &&
    a.properties.name === b.properties.name &&
    a.properties.state === b.properties.state &&
    a.properties.heading === b.properties.heading
  );
}

function pointOf({ longitude, latitude }: VehicleFeature): GeoJSON.Point {
  return { type: 'Point', coordinates: [longitude, latitude] };
}

/** The id stands among the properties as well (`promoteId`): MapLibre takes text ids only from there. */
export function geoJson(feature: VehicleFeature): GeoJSON.Feature {
  return {
    type: 'Feature',
    id: feature.id,
    geometry: pointOf(feature),
    properties: { ...feature.properties, id: feature.id },
  };
}

/** West, south, east, north; null when there is nothing. */
export type Bounds = readonly [number, number, number, number];

export function boundsOf(features: Iterable<VehicleFeature>): Bounds | null {
  let bounds: [number, number, number, number] | null = null;
  for (const { longitude, latitude } of features) {
    if (bounds === null) bounds = [longitude, latitude, longitude, latitude];
    bounds[0] = Math.min(bounds[0], longitude);
    bounds[1] = Math.min(bounds[1], latitude);
    bounds[2] = Math.max(bounds[2], longitude);
    bounds[3] = Math.max(bounds[3], latitude);
  }
  return bounds;
}
