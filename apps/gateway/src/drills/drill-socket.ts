import { request } from 'node:http';
import { DomainError } from '../kernel/domain-error.js';

const PATIENCE_MS = 2_000;
const MOST_BYTES = 16 * 1024;

export type DrillAction = 'cut' | 'restore';

/**
 * The demo's emulator, which can cut the links that it emulates: HTTP on a unix socket.
 *
 *     POST /links/<vehicle name>/<link>   {"action":"cut"|"restore"} -> 204, also when it already is so
 *     GET  /links                         -> {"links":[{"vehicle","link","state":"up"|"cut"}]}
 *
 * @throws DomainError `link-unknown`, `drills-unavailable`
 */
export async function drillLink(socketPath: string, vehicle: string, link: string, action: DrillAction): Promise<void> {
  const path = `/links/${encodeURIComponent(vehicle)}/${encodeURIComponent(link)}`;
  const answer = await post(socketPath, path, JSON.stringify({ action })).catch((error: Error) => {
    throw new DomainError(
      'unavailable',
      'drills-unavailable',
      `The emulator of the links did not answer: ${error.message}.`,
    );
  });
  if (answer.status === 204) return;
  if (answer.status === 404)
    throw new DomainError('not-found', 'link-unknown', `No link ${link} of ${vehicle} is emulated.`);
  throw new DomainError('unavailable', 'drills-unavailable', `The emulator of the links answered ${answer.status}.`);
}

function post(socketPath: string, path: string, body: string): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request({ socketPath, path, method: 'POST', headers, timeout: PATIENCE_MS }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MOST_BYTES) response.destroy(new Error('it answered at too great length'));
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0 }));
    });
    call.on('timeout', () => call.destroy(new Error(`nothing for ${PATIENCE_MS / 1000} s`)));
    call.on('error', reject);
    call.end(body);
  });
}
