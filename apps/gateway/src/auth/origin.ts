import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a browser sent this request from our own page (or no browser did). `SameSite=Strict` keeps our cookie out of
 * other sites' requests already; this also stops pages on neighbouring ports and subdomains, which count as the same site.
 */
export function originAllowed(headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
