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
