import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { FALLBACK_PATH, type FallbackRemote } from '@corridor/tunnel-host';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';

/** Nest's number for "on the application's own HTTP server". */
const SAME_SERVER = 0;

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Nest's WebSocket servers, and beside them the tunnel's door at {@link FALLBACK_PATH}: Nest hands over the connection and
 * sees nothing of what goes over it.
 */
export class TunnelDoorAdapter extends WsAdapter {
  constructor(application: INestApplicationContext, upgrade: Upgrade) {
    super(application);
    this.addWsServerToRegistry({ path: FALLBACK_PATH, handleUpgrade: upgrade }, SAME_SERVER, FALLBACK_PATH);
  }
}

/** Where a request comes from. Only who connects to our unix socket is a proxy of ours: it says for whom, last in its list. */
export function remoteOf({ socket, headers }: IncomingMessage): FallbackRemote {
  if (socket.remoteAddress) return { address: socket.remoteAddress, port: socket.remotePort };
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join().split(',').at(-1)?.trim();
  return { address: forwarded || undefined, port: undefined };
}
