/** Command-line options of the benches: mistakes are one sentence each. */

export const TEXT = { type: 'string' } as const;
export const FLAG = { type: 'boolean', default: false } as const;
export const TEXTS = { type: 'string', multiple: true } as const;

/**
 * Whole numbers by their option names, with their defaults.
 *
 * @throws Error for a value that is no whole number from 1 to 10,000.
 */
export function numbers<Name extends string>(
  values: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const chosen: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(defaults) as Name[]) {
    if (values[name] === undefined) continue;
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1 || value > 10_000) {
      throw new Error(`--${name} takes a whole number from 1 to 10000, not "${String(values[name])}".`);
    }
    chosen[name] = value;
  }
  return chosen;
}

/** The given names, or all. @throws Error for a name that is none of `known`. */
export function choices<Name extends string>(option: string, given: unknown, known: readonly Name[]): readonly Name[] {
  if (given === undefined) return known;
  const names = (Array.isArray(given) ? given : [given]) as string[];
  const stranger = names.find((name) => !(known as readonly string[]).includes(name));
  if (stranger !== undefined) throw new Error(`--${option} takes one of "${known.join('", "')}", not "${stranger}".`);
  return known.filter((name) => names.includes(name));
}
