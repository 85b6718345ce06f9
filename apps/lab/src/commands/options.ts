/** Command-line options of the lab's commands: `--name value` and words. Mistakes are one sentence each. */

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ParsedArgs {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
}

/** @param names of the options that exist, without the dashes. @param flags of those without a value. @throws UsageError */
export function parseArgs(
  args: readonly string[],
  names: readonly string[],
  flags: readonly string[] = [],
): ParsedArgs {
  const words: string[] = [];
  const given = new Set<string>();
  const options = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (!arg.startsWith('--')) {
      words.push(arg);
      continue;
    }
    if (flags.includes(arg.slice(2))) {
      given.add(arg.slice(2));
      continue;
    }
    const [name, inline] = arg.slice(2).split('=', 2);
    if (!names.includes(name)) {
      const there =
        names.length === 0
          ? 'this command has none'
          : `there are: ${[...names, ...flags].map((n) => `--${n}`).join(', ')}`;
      throw new UsageError(`no option --${name}; ${there}`);
    }
    const value = inline ?? args[++i];
    if (value === undefined) throw new UsageError(`--${name} needs a value`);
    options.set(name, value);
  }
  return { words, options, flags: given };
}

/** @throws UsageError when the option is there and no whole number from `least` to `most`. */
export function wholeNumber(parsed: ParsedArgs, name: string, fallback: number, least: number, most: number): number {
  const text = parsed.options.get(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name}: a whole number from ${least} to ${most} was expected, not "${text}"`);
}
