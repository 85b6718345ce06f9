/**
 * A drive of vehicles through a synthetic city, as a pure function of seed and time: each link's rate, delay, jitter
 * and loss follow from where the vehicle is. The same drive feeds scenarios (as profiles) and live demos (by polling).
 */
import { CityMap, OPERATORS, type Point } from './city-map.js';
import { Random } from './random.js';
import type { DirectionChange, DirectionSpec, LinkSpec, ScenarioStep } from './scenario.js';

export interface CityDriveOptions {
  /** Any integer; the same seed gives the same city and drives. */
  readonly seed: number;
  readonly vehicles: number;
  /** Time of one lap, microseconds. Default: as the speed limits have it, 8 to 15 minutes. */
  readonly durationUs?: number;
}

/** Where a vehicle is and what its links are like there. */
export interface DrivePosition {
  /** Share of the lap, 0 to 1. */
  readonly progress: number;
  readonly speedKmh: number;
  /** Degrees clockwise from north. */
  readonly headingDeg: number;
  readonly point: Point;
  /** Such as `harbour tunnel`. */
  readonly place: string;
  readonly links: readonly DriveLink[];
}

export interface DriveLink {
  /** `w0`, `w1`... */
  readonly name: string;
  readonly operator: string;
  /** Reception, 0 (gone) to 1 (best). */
  readonly quality: number;
  readonly up: Required<Pick<DirectionSpec, 'rateBps' | 'delayUs' | 'jitterUs' | 'lossRatio' | 'burst'>>;
  readonly down: DriveLink['up'];
}

export interface CityDrive {
  readonly map: CityMap;
  /** Links of a vehicle at the start. */
  links(vehicle: number): LinkSpec[];
  /** Any time from 0; laps repeat. */
  at(vehicle: number, elapsedUs: number): DrivePosition;
}

/** Average speed without waiting at lights. */
const CRUISE_MPS = 12.5;
/** Speed swings by this share around the average. */
const SWING = 0.45;
const SWINGS_PER_LAP = 11;
/** Metres around a change of cell in which the handover is felt. */
const HANDOVER_M = 12;
const QUEUE_BYTES = 96_000;
/** Worst-case rate at the edge of reception, bits per second. */
const EDGE_BPS = 300_000;

/** Makes the drive. @throws RangeError without vehicles. */
export function cityDrive(options: CityDriveOptions): CityDrive {
  if (!(options.vehicles >= 1)) throw new RangeError('vehicles: at least 1 was expected');
  const map = new CityMap(options.seed);
  const lapUs = options.durationUs ?? (map.lengthM / CRUISE_MPS) * 1e6;
  const random = new Random(options.seed).fork('vehicles');
  const phases = Array.from(
    { length: options.vehicles },
    (_, vehicle) => (vehicle + random.next() * 0.5) / options.vehicles,
  );
  const at = (vehicle: number, elapsedUs: number): DrivePosition => {
    const lap = (elapsedUs / lapUs + phases[vehicle]) % 1;
    // Position is time plus a sine, so speed is its derivative: slow in some streets, fast in others, never backwards.
    const turn = 2 * Math.PI * SWINGS_PER_LAP;
    const progress = (lap + (SWING * Math.sin(turn * lap)) / turn + 1) % 1;
    const speedMps = (map.lengthM / (lapUs / 1e6)) * (1 + SWING * Math.cos(turn * lap));
    const atM = progress * map.lengthM;
    const links = OPERATORS.map((_, operator) => driveLink(map, operator, atM));
    const point = map.pointAt(atM);
    const headingDeg = map.headingAt(atM);
    return { progress, speedKmh: speedMps * 3.6, headingDeg, point, place: map.placeAt(atM), links };
  };
  return {
    map,
    at,
    links: (vehicle) => at(vehicle, 0).links.map(({ name, up, down }, index) => linkSpec(name, index, up, down)),
  };
}

function linkSpec(name: string, index: number, up: DriveLink['up'], down: DriveLink['up']): LinkSpec {
  return {
    name,
    up: { ...up, queueBytes: QUEUE_BYTES },
    down: { ...down, queueBytes: QUEUE_BYTES },
    priority: index + 1,
  };
}

function driveLink(map: CityMap, operator: number, atM: number): DriveLink {
  const { name, upBps, downBps, delayUs } = OPERATORS[operator];
  const { quality, cell } = map.receptionAt(operator, atM);
  const ahead = map.receptionAt(operator, (atM + HANDOVER_M) % map.lengthM).cell;
  const handover = cell !== ahead;
  return {
    name: `w${operator}`,
    operator: name,
    quality,
    up: direction(upBps, delayUs, quality, handover),
    down: direction(downBps, delayUs, quality, handover),
  };
}

/** Worse reception: less rate, more delay by repetition on the air (up to 35 ms), jitter, and loss in bursts. */
function direction(bestBps: number, delayUs: number, quality: number, handover: boolean): DriveLink['up'] {
  const badness = 1 - quality;
  return {
    rateBps: Math.round(Math.max(EDGE_BPS, bestBps * quality ** 1.3)),
    delayUs: Math.round(delayUs + 35_000 * badness ** 3),
    jitterUs: Math.round(1_000 + 9_000 * badness ** 2 + (handover ? 40_000 : 0)),
    lossRatio: quality === 0 ? 1 : 0.0002,
    burst: { enterRatio: 0.004 * badness ** 4 + (handover ? 0.004 : 0), leaveRatio: 0.25, lossRatio: 0.7 },
  };
}

/** Time between two settings of a link in a scenario. */
const STEP_US = 1_000_000;

/** Links of one vehicle for a scenario of `durationUs`: their rates follow the drive as profiles. */
export function driveLinks(drive: CityDrive, vehicle: number, durationUs: number): LinkSpec[] {
  const seconds = Math.max(1, Math.ceil(durationUs / STEP_US));
  const positions = Array.from({ length: seconds }, (_, second) => drive.at(vehicle, second * STEP_US));
  const spec = (link: LinkSpec, index: number, way: 'up' | 'down'): DirectionSpec => {
    const { rateBps: _, ...rest } = link[way];
    const bps = positions.map((position) => position.links[index][way].rateBps);
    return { ...rest, rateProfile: { stepUs: STEP_US, bps } };
  };
  return drive.links(vehicle).map((link, index) => ({
    ...link,
    up: spec(link, index, 'up'),
    down: spec(link, index, 'down'),
  }));
}

/** Everything but the rates as scenario steps: a change of every link and direction once a second. */
export function driveSteps(drive: CityDrive, vehicle: number, durationUs: number): ScenarioStep[] {
  const steps: ScenarioStep[] = [];
  for (let atUs = STEP_US; atUs < durationUs; atUs += STEP_US) {
    for (const { name, up, down } of drive.at(vehicle, atUs).links) {
      steps.push({ atUs, vehicle, link: name, action: 'set', direction: 'up', set: withoutRate(up) });
      steps.push({ atUs, vehicle, link: name, action: 'set', direction: 'down', set: withoutRate(down) });
    }
  }
  return steps;
}

function withoutRate({ rateBps: _, ...rest }: DriveLink['up']): DirectionChange {
  return rest;
}
