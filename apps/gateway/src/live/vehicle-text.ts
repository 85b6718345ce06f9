import type { Vehicle, VehicleStatus } from '@corridor/contracts';

/** Members of a vehicle that a diff may carry. */
const MEMBERS = ['name', 'group', 'device', 'uplinks'] as const;
/** Members of a status, each replaced as a whole. */
const STATUS = ['tunnel', 'control', 'links', 'classes', 'position', 'policy'] as const;

/**
 * A vehicle as JSON text, member by member: what changed is found by comparing texts, and the text that was compared is the
 * text that is sent, to every client alike.
 */
export class VehicleText {
  readonly id: string;
  /** Everything but the status, without its closing brace. */
  #head = '';
  #members: readonly string[] = [];
  #status: readonly string[] = [];

  constructor(vehicle: Vehicle) {
    this.id = vehicle.id;
    this.describe(vehicle);
    this.observe(vehicle.status);
  }

  /** Takes what the registry says. Answers the members that changed, as text to put into a diff. */
  describe(vehicle: Vehicle): string[] {
    const { status: _, ...rest } = vehicle;
    const members = MEMBERS.map((member) => `"${member}":${JSON.stringify(vehicle[member])}`);
    const changed = members.filter((text, index) => text !== this.#members[index]);
    this.#members = members;
    this.#head = JSON.stringify(rest).slice(0, -1);
    return changed;
  }

  /** Takes a newer status. Answers the members that changed, as text. */
  observe(status: VehicleStatus): string[] {
    const texts = STATUS.map((member) => `"${member}":${JSON.stringify(status[member])}`);
    const changed = texts.filter((text, index) => text !== this.#status[index]);
    this.#status = texts;
    return changed;
  }

  /** The vehicle, whole. */
  whole(): string {
    return `${this.#head},"status":{${this.#status.join(',')}}}`;
  }

  /** Everything that a diff may carry: for a client that missed some. */
  everything(): string {
    return diffText(this.id, this.#members, this.#status);
  }
}

/** One entry of a diff's `changed`. */
export function diffText(id: string, members: readonly string[], status: readonly string[]): string {
  const parts = [`"id":"${id}"`, ...members];
  if (status.length > 0) parts.push(`"status":{${status.join(',')}}`);
  return `{${parts.join(',')}}`;
}
