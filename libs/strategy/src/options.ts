import { StrategyOptionsError } from './sdk.js';

/** The unchecked `options` object of a policy. */
export type RawOptions = Readonly<Record<string, unknown>>;

/** @throws StrategyOptionsError when `options` has a key that is not in `known`: a misspelt option must not be silent. */
export function refuseUnknownOptions(options: RawOptions, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const expected = known.length === 0 ? 'this strategy has no options' : `expected one of: ${known.join(', ')}`;
    throw new StrategyOptionsError(`${key}: unknown option, ${expected}`);
  }
}

/** Reads a number of milliseconds and answers microseconds. @throws StrategyOptionsError when it is not in range. */
export function millisecondsOption(options: RawOptions, key: string, fallbackMs: number, largestMs: number): number {
  const value = options[key] === undefined ? fallbackMs : options[key];
  if (typeof value !== 'number' || !(value >= 0 && value <= largestMs)) {
    throw new StrategyOptionsError(
      `${key}: expected milliseconds from 0 to ${largestMs}, got ${JSON.stringify(value)}`,
    );
  }
  return value * 1000;
}

/** Reads one of a few words. @throws StrategyOptionsError when it is none of them. */
export function choiceOption<T extends string>(
  options: RawOptions,
  key: string,
  choices: readonly T[],
  fallback: T,
): T {
  if (options[key] === undefined) return fallback;
  const choice = choices.find((each) => each === options[key]);
  if (choice !== undefined) return choice;
  throw new StrategyOptionsError(`${key}: expected one of ${choices.join(', ')}, got ${JSON.stringify(options[key])}`);
}
