/** Codes of Node's sockets, of PostgreSQL (SQLSTATE) and of Prisma that mean "not now", whatever the request was. */
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
  'P1001', // can't reach database server
  'P1002', // database server timed out
  'P1008', // operation timed out
  'P1017', // server closed the connection
  'P2024', // timed out fetching a connection from the pool
  'P2028', // transaction API error: not begun in time, or its connection is gone
]);

const MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|connection timeout|Query read timeout|connection error and is not queryable|server closed the connection/i;

/**
 * Whether an error means that PostgreSQL cannot be reached at the moment: the same request may well succeed later. Looks
 * through what Prisma and pg wrap around it.
 */
export function isUnavailable(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; isObject(at) && depth < 6; depth += 1) {
    if ([at.code, at.originalCode].some((code) => typeof code === 'string' && isOfConnection(code))) return true;
    if (at instanceof Error && MESSAGES.test(at.message)) return true;
    at = at.cause ?? driverErrorOf(at);
  }
  return false;
}

function isOfConnection(code: string): boolean {
  return CODES.has(code) || /^08[0-9A-Z]{3}$/.test(code);
}

/** Prisma gives a SQLSTATE that it has no code for (P2039) only here, as the `originalCode` of this error's cause. */
function driverErrorOf({ meta }: Record<string, unknown>): unknown {
  return isObject(meta) ? meta.driverAdapterError : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
