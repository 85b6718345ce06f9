import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { openStreamSocket } from '@corridor/packet-io';
import { WebSocket } from 'ws';
import type { FallbackTrust } from '../options.js';
import { trustMistake } from '../tls/trust.js';
import { DIAL_MS, MAX_MESSAGE, SUBPROTOCOL } from './constants.js';

export interface DialTarget {
  readonly url: URL;
  /** An address of the URL's host, numbers. */
  readonly address: string;
  /** The uplink's interface. */
  readonly device: string;
  readonly trust: FallbackTrust;
}

export interface Dialled {
  readonly webSocket: WebSocket;
  readonly transport: TLSSocket;
  readonly port: number;
}

/**
 * Opens a WebSocket to the gateway through one device. The certificate is judged before a byte of the request leaves;
 * answers of captive portals (redirects, pages, garbage, nothing) are failures, and nothing is followed.
 *
 * @throws Error whose message completes "TLS to the gateway failed: ..."; also when `signal` aborts, or after 8 s
 */
export async function dial(target: DialTarget, signal: AbortSignal): Promise<Dialled> {
  const { url, address, device, trust } = target;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 443);
  if (signal.aborted) throw new Error('given up');
  const socket = openStreamSocket({ family: isIP(address) === 6 ? 6 : 4, device });
  const end = () => socket.destroy();
  signal.addEventListener('abort', end, { once: true });
  // Not AbortSignal.any() with a timeout: Node 20 collects that timeout as garbage, and a silent portal holds us for ever.
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, DIAL_MS);
  try {
    await connected(socket, address, port);
    const tls = connectTls({
      socket,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      // Judged below: Node would refuse by dates.
      rejectUnauthorized: false,
      // Loading the system's hundred and more takes megabytes.
      ...(trust.kind === 'public' ? {} : { ca: trust.kind === 'ca' ? trust.pem : [] }),
    });
    await secured(tls);
    const mistake = trustMistake(tls, host, trust);
    if (mistake !== undefined) throw new Error(mistake);
    return { webSocket: await upgraded(tls, url), transport: tls, port };
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw new Error('given up');
    if (isLate) throw new Error(`no answer within ${DIAL_MS / 1000} s`);
    throw sentence(error as NodeJS.ErrnoException);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

function connected(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.connect({ host, port }, resolve);
  });
}

function secured(tls: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    tls.on('error', reject);
    tls.once('close', () => reject(new Error('the connection was closed during the TLS handshake')));
    tls.once('secureConnect', resolve);
  });
}

function upgraded(tls: TLSSocket, url: URL): Promise<WebSocket> {
  const webSocket = new WebSocket(url, SUBPROTOCOL, {
    createConnection: () => tls,
    perMessageDeflate: false,
    followRedirects: false,
    maxPayload: MAX_MESSAGE,
    skipUTF8Validation: true,
  });
  return new Promise((resolve, reject) => {
    webSocket.once('open', () => resolve(webSocket));
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (request, { statusCode }) => {
      reject(new Error(`HTTP status ${statusCode} instead of a WebSocket: a captive portal, or no gateway?`));
      request.destroy();
    });
  });
}

const SENTENCES: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no network',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'no answer',
  EPROTO: 'it does not speak TLS',
};

function sentence(error: NodeJS.ErrnoException): Error {
  const { code = '', message } = error;
  if (code.startsWith('ERR_SSL')) return new Error('it does not speak TLS');
  // Node's parser: the answer to the request was none.
  if (code.startsWith('HPE_')) return new Error('the answer is not HTTP');
  return new Error(SENTENCES[code] ?? message);
}
