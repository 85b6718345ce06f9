import { request } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { certificateMistake, chainOf } from '@corridor/tunnel-host';
import { AgentError, codeOf, reasonOf } from '../errors.js';

/** How the gateway's certificate is judged. */
export type Trust =
  /**
   * base64url SHA-256 of the authority's certificate (DER). No dates: the clock may be years off. `authority`: the same
   * certificate as PEM, when it is at hand: the system's hundred and more need not be loaded, which takes megabytes.
   */
  | { readonly fingerprint: string; readonly authority?: string }
  /** By the system's certificates and its clock. */
  | { readonly fingerprint: null };

export interface CallOptions {
  readonly body?: object;
  /** Access token, sent as bearer. */
  readonly token?: string;
  readonly timeoutMs?: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  /** Parsed JSON; undefined when the body is none. */
  readonly body: unknown;
}

/** Answers are small documents; more than this is not from a gateway. Bytes. */
const MAX_ANSWER = 1 << 20;
/** For the whole exchange: long enough for a bad radio link, short enough to try the next address. Milliseconds. */
export const REQUEST_MS = 15_000;

/**
 * One HTTPS request with its own connection: they are rare. The certificate is judged before a byte of the request leaves.
 * @throws AgentError `unreachable` or `untrusted`, in a sentence.
 */
export async function call(
  method: 'GET' | 'POST' | 'DELETE',
  url: URL,
  trust: Trust,
  { body, token, timeoutMs = REQUEST_MS, signal: given }: CallOptions = {},
): Promise<Answer> {
  if (url.protocol !== 'https:') throw new AgentError(`${url.origin}: expected an https address`, 'untrusted');
  // Not AbortSignal.any() with a timeout: Node 20 collects that timeout as garbage, and the exchange may last for ever.
  const limit = new AbortController();
  const { signal } = limit;
  const timer = setTimeout(() => limit.abort(new DOMException('too late', 'TimeoutError')), timeoutMs);
  const end = () => limit.abort(given?.reason);
  if (given?.aborted) end();
  given?.addEventListener('abort', end, { once: true });
  try {
    return await callWithin(signal, timeoutMs, method, url, trust, body, token);
  } finally {
    clearTimeout(timer);
    given?.removeEventListener('abort', end);
  }
}

async function callWithin(
  signal: AbortSignal,
  timeoutMs: number,
  method: string,
  url: URL,
  trust: Trust,
  body: object | undefined,
  token: string | undefined,
): Promise<Answer> {
  const socket = await openTrusted(url, trust, signal, timeoutMs);
  try {
    return await exchange(socket, method, url, body, token, signal);
  } catch (error) {
    throw unreachable(url, signal.aborted ? signal.reason : error, timeoutMs);
  } finally {
    socket.destroy();
  }
}

async function openTrusted(url: URL, trust: Trust, signal: AbortSignal, timeoutMs: number): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
    // With a fingerprint we judge ourselves: Node would refuse by dates.
    rejectUnauthorized: trust.fingerprint === null,
    ...(trust.fingerprint !== null && trust.authority !== undefined ? { ca: trust.authority } : {}),
  });
  const abort = () => socket.destroy(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
  } catch (error) {
    throw unreachable(url, signal.aborted ? signal.reason : error, timeoutMs);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  socket.on('error', () => {});
  const mistake =
    trust.fingerprint === null ? undefined : certificateMistake(chainOf(socket), host, trust.fingerprint, 'the claim');
  if (mistake === undefined) return socket;
  socket.destroy();
  throw new AgentError(`${url.origin}: ${mistake}`, 'untrusted');
}

function exchange(
  socket: TLSSocket,
  method: string,
  url: URL,
  body: object | undefined,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method,
      signal,
      createConnection: () => socket,
      headers: {
        accept: 'application/json',
        connection: 'close',
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > MAX_ANSWER) asked.destroy(new Error('the answer is longer than a gateway would send'));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(parts)) }));
    });
    asked.end(text);
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function unreachable(url: URL, error: unknown, timeoutMs: number): AgentError {
  if (error instanceof AgentError) return error;
  const name = (error as Error).name;
  if (name === 'TimeoutError' || name === 'AbortError') {
    return new AgentError(`${url.origin}: no answer within ${timeoutMs / 1000} s`, 'unreachable');
  }
  const code = codeOf(error);
  if (
    code?.startsWith('CERT_') ||
    code?.includes('SIGNED') ||
    code?.includes('LEAF') ||
    code === 'ERR_TLS_CERT_ALTNAME_INVALID'
  ) {
    return new AgentError(`${url.origin}: the certificate is not trusted: ${(error as Error).message}`, 'untrusted');
  }
  return new AgentError(`${url.origin}: cannot be reached: ${SENTENCES[code ?? ''] ?? reasonOf(error)}`, 'unreachable');
}

const SENTENCES: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no network',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'no answer',
  EPROTO: 'it does not speak TLS',
};
