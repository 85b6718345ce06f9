/**
 * UDP through a tunnel, in a process of its own because it lives in another network namespace.
 *
 *   node udp-echo.mjs server ADDRESS PORT                       echoes until killed; prints "ready"
 *   node udp-echo.mjs client ADDRESS PORT COUNT INTERVAL_MS     prints { sent, received } as JSON
 */
import { createSocket } from 'node:dgram';

const [mode, address, port, count, intervalMs] = process.argv.slice(2);
const socket = createSocket('udp4');
/** How long answers may be on their way after the last question, milliseconds. */
const LAST_ANSWER_MS = 500;

if (mode === 'server') {
  socket.on('message', (message, from) => socket.send(message, from.port, from.address, () => {}));
  socket.bind(Number(port), address, () => process.stdout.write('ready\n'));
} else {
  let sent = 0;
  const answers = new Set();
  socket.on('message', (message) => answers.add(message.readUInt32LE(0)));
  socket.on('error', () => {});
  const timer = setInterval(() => {
    const message = Buffer.alloc(200);
    message.writeUInt32LE(sent++, 0);
    socket.send(message, Number(port), address, () => {});
    if (sent < Number(count)) return;
    clearInterval(timer);
    setTimeout(() => {
      socket.close();
      process.stdout.write(`${JSON.stringify({ sent, received: answers.size })}\n`);
    }, LAST_ANSWER_MS);
  }, Number(intervalMs));
}
