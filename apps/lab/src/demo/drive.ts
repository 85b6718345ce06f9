/** The drive of the demo: laps through the synthetic city of `@corridor/sim`, as the live view and the lab want them. */
import { type CityMap, cityDrive, type DirectionChange, type LinkSpec, type Point } from '@corridor/sim';

/** One lap: short enough to see the whole city in a demo, at speeds that an ambulance drives. */
const LAP_US = 600e6;
/** Looks along the lap for the strip of coverage, and its cells. */
const LOOKS = 960;
export const COVERAGE_CELLS = 72;

/** Where each vehicle is at a moment, and what that does to its links. */
export interface Drive {
  /** Name of the operator behind each link. */
  readonly operators: ReadonlyMap<string, string>;
  readonly map: CityMap;
  links(vehicle: number): readonly LinkSpec[];
  at(vehicle: number, elapsedUs: number): DriveMoment;
}

/** Where the vehicle is on its way. */
export interface PlaceView {
  /** Share of the lap, 0 to 1. */
  readonly progress: number;
  /** What is there, such as "underpass". */
  readonly name: string;
  readonly speedKmh: number;
  /** Reception of the best operator along the lap, 0 to 1, in equal pieces. */
  readonly coverage: readonly number[];
}

export interface DriveMoment {
  readonly place: PlaceView;
  readonly point: Point;
  /** Degrees clockwise from north. */
  readonly headingDeg: number;
  readonly links: readonly { readonly name: string; readonly up: DirectionChange; readonly down: DirectionChange }[];
}

/** Reception at the ambulance station, where vehicles are set up before they drive. */
const AT_STATION = { rateBps: 10e6, delayUs: 20_000, jitterUs: 1_000, lossRatio: 0 } as const;

/** Links of a vehicle that stands at the station: every operator is received well. */
export function stationLinks(drive: Drive, vehicle: number): LinkSpec[] {
  const better = ({ burst: _, ...direction }: LinkSpec['up']) => ({ ...direction, ...AT_STATION });
  return drive.links(vehicle).map((link) => ({ ...link, up: better(link.up), down: better(link.down) }));
}

export function openDrive(seed: number, vehicles: number): Drive {
  const city = cityDrive({ seed, vehicles, durationUs: LAP_US });
  const coverage = coverageOfLap((elapsedUs) => city.at(0, elapsedUs));
  return {
    operators: new Map(city.at(0, 0).links.map(({ name, operator }) => [name, operator])),
    map: city.map,
    links: (vehicle) => city.links(vehicle),
    at(vehicle, elapsedUs) {
      const { progress, speedKmh, place, point, headingDeg, links } = city.at(vehicle, elapsedUs);
      return { place: { progress, speedKmh, name: place, coverage }, point, headingDeg, links };
    },
  };
}

/** Reception of the best operator, 0 to 1, in equal pieces of the lap: the worst that a piece has. */
function coverageOfLap(
  at: (elapsedUs: number) => { progress: number; links: readonly { quality: number }[] },
): number[] {
  const cells = Array<number>(COVERAGE_CELLS).fill(1);
  for (let look = 0; look < LOOKS; look++) {
    const { progress, links } = at((look / LOOKS) * LAP_US);
    const cell = Math.min(COVERAGE_CELLS - 1, Math.floor(progress * COVERAGE_CELLS));
    cells[cell] = Math.min(cells[cell] as number, Math.max(...links.map(({ quality }) => quality)));
  }
  return cells;
}
