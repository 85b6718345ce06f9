import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startGateway } from '../../test/gateway.js';
import { remoteOf } from './tunnel-door.js';

/** Status of the answer to an upgrade request; 0 when the connection was cut without one. */
function upgrade(url: string): Promise<number> {
  const socket = new WebSocket(url, 'corridor.1', { rejectUnauthorized: false });
  return new Promise((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('error', () => resolve(0));
    socket.on('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      resolve(statusCode ?? 0);
    });
  });
}

describe('the door of the tunnel', () => {
  it('stands beside the live feed on every listener, and says so while there is no tunnel', async () => {
    const socket = join(tmpdir(), `corridor-door-${process.pid}.sock`);
    const { url } = await startGateway({ listen: true, environment: { CORRIDOR_HTTP_SOCKET: socket } });
    const secure = url.replace('https:', 'wss:');
    expect(await upgrade(`${secure}/tunnel`)).toBe(503);
    expect(await upgrade(`ws+unix:${socket}:/tunnel`)).toBe(503);
    expect(await upgrade(`${secure}/api/v1/live`)).toBe(401);
    expect(await upgrade(`${secure}/tunnels`)).toBe(0);
  });

  it.each([
    ['192.0.2.1', '198.51.100.7', { address: '192.0.2.1', port: 1000 }],
    [undefined, '198.51.100.7', { address: '198.51.100.7', port: undefined }],
    // The last one was added by our own proxy; what stands before it may be invented.
    [undefined, '203.0.113.1, 198.51.100.7', { address: '198.51.100.7', port: undefined }],
    [undefined, undefined, { address: undefined, port: undefined }],
  ])('takes a connection from %s that was forwarded for %s as one from %j', (address, forwarded, remote) => {
    const socket = { remoteAddress: address, remotePort: address && 1000 };
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    expect(remoteOf({ socket, headers } as unknown as IncomingMessage)).toEqual(remote);
  });
});
