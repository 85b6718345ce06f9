const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * How long to wait before the `attempt`-th try (from 1): doubles up to 15 s, and each browser waits a random share of it
 * (a half to all), so that a gateway that comes back is not met by the whole fleet's consoles at once.
 */
export function retryDelayMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  return Math.round(longest * (0.5 + random / 2));
}
