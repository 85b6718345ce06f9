/** A synthetic city: a closed route, cell sites of three operators around it, tunnels, and what is received where. */
import { Random } from './random.js';

/** Edge of the square city, metres. */
export const CITY_M = 4_000;
const MAIN_STREETS = 9;
const SITES_PER_OPERATOR = 12;
/** Distance at which a cell carries half of its best, metres. */
const CELL_M = 550;
/** Buildings change the signal over about this many metres. */
const SHADOW_M = 60;

export interface Operator {
  readonly name: string;
  /** Best rate down and up, bits per second. */
  readonly downBps: number;
  readonly upBps: number;
  /** One-way delay to the gateway in good reception, microseconds. */
  readonly delayUs: number;
}

export const OPERATORS: readonly Operator[] = [
  { name: 'Nordfunk', downBps: 40e6, upBps: 22e6, delayUs: 17_000 },
  { name: 'Mobilnetz', downBps: 32e6, upBps: 16e6, delayUs: 24_000 },
  { name: 'Westcom', downBps: 22e6, upBps: 12e6, delayUs: 38_000 },
];

/** Metres east (x) and north (y) of the city's south-west corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A stretch of the route where some operators are not received at all. */
export interface Stretch {
  readonly name: string;
  readonly fromM: number;
  readonly toM: number;
  /** Numbers of the operators that are gone; at least one holds. */
  readonly gone: readonly number[];
}

const STRETCH_NAMES = ['harbour tunnel', 'railway underpass', 'town hall car park', 'river tunnel', 'motorway bridge'];
const DISTRICTS = ['Old Town', 'Harbour', 'Station', 'Hospital Hill', 'Riverside', 'Westpark', 'Market', 'Trade Fair'];

export class CityMap {
  readonly lengthM: number;
  readonly stretches: readonly Stretch[];
  /** The route's corners in the order in which they are driven; it closes. */
  readonly corners: readonly Point[];
  /** Cell sites of each operator. */
  readonly sites: readonly (readonly Point[])[];
  /** Metres from the start at each corner. */
  private readonly cornerAtM: readonly number[];
  /** Smooth noise along the route, one row an operator, -1 to 1, one value each SHADOW_M. */
  private readonly shadows: readonly Float64Array[];

  constructor(seed: number) {
    const random = new Random(seed).fork('city');
    this.corners = makeRoute(random);
    const cornerAtM = [0];
    for (let i = 0; i < this.corners.length; i++) {
      cornerAtM.push(cornerAtM[i] + distance(this.corners[i], this.corners[(i + 1) % this.corners.length]));
    }
    this.cornerAtM = cornerAtM;
    this.lengthM = cornerAtM[this.corners.length];
    this.sites = OPERATORS.map(() =>
      Array.from({ length: SITES_PER_OPERATOR }, () => ({ x: random.next() * CITY_M, y: random.next() * CITY_M })),
    );
    const points = Math.ceil(this.lengthM / SHADOW_M);
    this.shadows = OPERATORS.map(() => Float64Array.from({ length: points }, () => random.next() * 2 - 1));
    this.stretches = makeStretches(random, this.lengthM);
  }

  /** Name of where a vehicle is, `atM` metres from the start of the route. */
  placeAt(atM: number): string {
    const stretch = this.stretchAt(atM);
    if (stretch !== undefined) return stretch.name;
    return DISTRICTS[Math.floor((atM / this.lengthM) * DISTRICTS.length) % DISTRICTS.length];
  }

  /** Reception of an operator, 0 (gone) to 1 (best), and the number of the cell that serves. */
  receptionAt(operator: number, atM: number): { quality: number; cell: number } {
    const { quality: open, cell } = this.openReceptionAt(operator, this.pointAt(atM));
    if (this.stretchAt(atM)?.gone.includes(operator)) return { quality: 0, cell };
    // Shadowed by buildings; never quite nothing outside the stretches.
    const shadowed = open * (1 + 0.45 * this.shadowAt(operator, atM));
    return { quality: Math.min(1, Math.max(0.03, shadowed)), cell };
  }

  /** Reception under an open sky anywhere in the city: falls off with the square of the distance to the nearest site. */
  openReceptionAt(operator: number, here: Point): { quality: number; cell: number } {
    let nearest = Number.POSITIVE_INFINITY;
    let cell = 0;
    this.sites[operator].forEach((site, index) => {
      const metres = distance(site, here);
      if (metres >= nearest) return;
      nearest = metres;
      cell = index;
    });
    return { quality: 1 / (1 + (nearest / CELL_M) ** 2), cell };
  }

  private stretchAt(atM: number): Stretch | undefined {
    return this.stretches.find((stretch) => atM >= stretch.fromM && atM < stretch.toM);
  }

  /** Where a vehicle is, `atM` metres from the start of the route. */
  pointAt(atM: number): Point {
    const { from, to, share } = this.sideAt(atM);
    return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
  }

  /** Where it heads there, degrees clockwise from north. */
  headingAt(atM: number): number {
    const { from, to } = this.sideAt(atM);
    return ((Math.atan2(to.x - from.x, to.y - from.y) * 180) / Math.PI + 360) % 360;
  }

  private sideAt(atM: number): { from: Point; to: Point; share: number } {
    let i = 0;
    while (i < this.corners.length - 1 && this.cornerAtM[i + 1] <= atM) i++;
    const share = (atM - this.cornerAtM[i]) / (this.cornerAtM[i + 1] - this.cornerAtM[i]);
    return { from: this.corners[i], to: this.corners[(i + 1) % this.corners.length], share };
  }

  private shadowAt(operator: number, atM: number): number {
    const row = this.shadows[operator];
    const index = Math.floor(atM / SHADOW_M);
    const share = atM / SHADOW_M - index;
    const smooth = share * share * (3 - 2 * share);
    return row[index % row.length] * (1 - smooth) + row[(index + 1) % row.length] * smooth;
  }
}

/** Corners around the centre in order of angle, at uneven distances: a loop that does not cross itself. */
function makeRoute(random: Random): Point[] {
  return Array.from({ length: MAIN_STREETS }, (_, index) => {
    const angle = ((index + 0.3 * random.next()) / MAIN_STREETS) * 2 * Math.PI;
    const radius = CITY_M * (0.18 + 0.3 * random.next());
    return { x: CITY_M / 2 + radius * Math.cos(angle), y: CITY_M / 2 + radius * Math.sin(angle) };
  });
}

/** One stretch in each part of the route: 40 to 110 m, 3 to 10 s at town speed; one or two operators are gone. */
function makeStretches(random: Random, lengthM: number): Stretch[] {
  const part = lengthM / STRETCH_NAMES.length;
  return STRETCH_NAMES.map((name, index) => {
    const fromM = index * part + part * (0.2 + 0.5 * random.next());
    const holds = random.below(OPERATORS.length);
    const alsoHolds = random.next() < 0.5 ? random.below(OPERATORS.length) : holds;
    const gone = OPERATORS.map((_, operator) => operator).filter(
      (operator) => operator !== holds && operator !== alsoHolds,
    );
    return { name, fromM, toM: fromM + 40 + 70 * random.next(), gone };
  });
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
