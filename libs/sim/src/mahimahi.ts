/**
 * Reads a trace of the mahimahi link shell: one delivery opportunity of 1,500 bytes a line, as whole milliseconds
 * since the start, ascending; several lines may name the same millisecond.
 *
 * @throws RangeError that names the line.
 */
export function parseMahimahi(text: string): number[] {
  const opportunities: number[] = [];
  let previous = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    if (!/^\d{1,12}$/.test(line))
      throw new RangeError(`line ${index + 1}: milliseconds expected, got "${line.slice(0, 40)}"`);
    const ms = Number(line);
    if (ms < previous)
      throw new RangeError(`line ${index + 1}: ${ms} ms comes after ${previous} ms, ascending expected`);
    opportunities.push(ms);
    previous = ms;
  }
  if (previous === 0) throw new RangeError('a trace needs at least one opportunity after 0 ms');
  return opportunities;
}
