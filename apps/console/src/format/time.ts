const NBSP = '\u00a0';

const two = (value: number) => value.toString().padStart(2, '0');

/** Local time of day: "08:41:12", with `millis` "08:41:12.345". */
export function clockTime(at: Date, millis = false): string {
  const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return millis ? `${text}.${at.getMilliseconds().toString().padStart(3, '0')}` : text;
}

/** Local date: "2026-11-23". */
export function localDate(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** Local date and time; only the time when it is of the same day as `now`. */
export function localTime(at: Date, now: Date, millis = false): string {
  const day = localDate(at);
  return day === localDate(now) ? clockTime(at, millis) : `${day}${NBSP}${clockTime(at, millis)}`;
}

/** What stands in the title of every local time: "2026-11-23 08:41:12.345 UTC". */
export function utcTime(at: Date): string {
  return `${at.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in the two largest units that matter: "0 s", "12 s", "3 min 5 s", "2 h 4 min", "5 d 3 h". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < MINUTE) return `${s}${NBSP}s`;
  if (s < HOUR) return pair(Math.floor(s / MINUTE), 'min', s % MINUTE, 's');
  if (s < DAY) return pair(Math.floor(s / HOUR), 'h', Math.floor((s % HOUR) / MINUTE), 'min');
  return pair(Math.floor(s / DAY), 'd', Math.floor((s % DAY) / HOUR), 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = `${large}${NBSP}${largeUnit}`;
  return small === 0 ? first : `${first} ${small}${NBSP}${smallUnit}`;
}

/** Age in the one unit that matters, for narrow places: "12 s", "3 min", "2 h", "5 d". */
export function shortAge(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < MINUTE) return `${s}${NBSP}s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)}${NBSP}min`;
  if (s < DAY) return `${Math.floor(s / HOUR)}${NBSP}h`;
  return `${Math.floor(s / DAY)}${NBSP}d`;
}

/** Milliseconds below a second exactly, above it with one decimal: "340 ms", "1.4 s". */
export function elapsed(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${NBSP}ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)}${NBSP}s` : duration(ms);
}
