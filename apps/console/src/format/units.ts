/** Between a figure and its unit: they never part at the end of a line. */
const NBSP = '\u00a0';
/** What stands where there is no figure. */
export const NO_FIGURE = '–';

type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** Three significant digits at most: "8.4", "84", "840". */
function digits(value: number): string {
  const rounded = value < 9.95 ? value.toFixed(1) : Math.round(value).toString();
  return rounded === '0.0' ? '0' : rounded;
}

/** Microseconds as milliseconds: "8.4 ms". */
export function formatDelay(us: Maybe): string {
  return known(us) ? `${digits(us / 1000)}${NBSP}ms` : NO_FIGURE;
}

/** A ratio from 0 to 1 as per cent: "0 %", "< 0.1 %", "1.2 %". */
export function formatLoss(ratio: Maybe): string {
  if (!known(ratio)) return NO_FIGURE;
  if (ratio <= 0) return `0${NBSP}%`;
  if (ratio < 0.001) return `<${NBSP}0.1${NBSP}%`;
  return `${digits(ratio * 100)}${NBSP}%`;
}

const RATE_UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function scaled(value: number, units: readonly string[]): string {
  let at = 0;
  let left = value;
  while (left >= 999.5 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${at === 0 ? Math.round(left) : digits(left)}${NBSP}${units[at]}`;
}

/** Bits per second in SI units: "12 Mbit/s". */
export function formatRate(bps: Maybe): string {
  return known(bps) ? scaled(bps, RATE_UNITS) : NO_FIGURE;
}

/** Bytes in SI units: "5.0 GB". */
export function formatBytes(bytes: Maybe): string {
  return known(bytes) ? scaled(bytes, BYTE_UNITS) : NO_FIGURE;
}

/** Metres per second as km/h. */
export function formatSpeed(mps: Maybe): string {
  return known(mps) ? `${Math.round(mps * 3.6)}${NBSP}km/h` : NO_FIGURE;
}

export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-GB')}${NBSP}${count === 1 ? one : many}`;
}
