import type { Socket } from 'node:net';
import { MAX_CONTROL_LINE } from './protocol.js';

/**
 * Calls `onLine` for every complete line that arrives, without its line end. A line beyond {@link MAX_CONTROL_LINE}
 * bytes destroys the socket: the other side does not speak the protocol.
 */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
    if (rest.length > MAX_CONTROL_LINE) socket.destroy();
  });
}

/** Writes one message as one line. */
export function writeLine(socket: Socket, message: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}
