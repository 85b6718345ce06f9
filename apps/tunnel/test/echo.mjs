/**
 * UDP through a tunnel, in a process of its own because it lives in another network namespace.
 *
 *   node echo.mjs server ADDRESS PORT        echoes until killed; prints "ready"
 *   node echo.mjs client ADDRESS PORT COUNT INTERVAL_MS BYTES
 *                                            prints { sent, received, longestGapMs } as JSON; what comes back changed
 *                                            is not received
 */
import { createSocket } from 'node:dgram';

const [mode, address, port, count, intervalMs, bytes] = process.argv.slice(2);
/** How late the last answers may come: longer than a packet may wait in the tunnel. */
const LATE_MS = 3500;
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');

/** No two messages are alike, and all their bytes count. */
function contents(index) {
  const message = Buffer.alloc(Number(bytes));
  message.writeUInt32LE(index, 0);
  for (let i = 4; i < message.length; i++) message[i] = (index * 31 + i * 7) ^ (i >> 3);
  return message;
}

if (mode === 'server') {
  socket.on('message', (message, from) => socket.send(message, from.port, from.address, () => {}));
  socket.bind(Number(port), address, () => process.stdout.write('ready\n'));
} else {
  let sent = 0;
  let last = 0;
  let longestGapMs = 0;
  const answers = new Set();
  socket.on('message', (message) => {
    const now = performance.now();
    if (last > 0) longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    const index = message.readUInt32LE(0);
    if (message.equals(contents(index))) answers.add(index);
    if (answers.size === Number(count)) done();
  });
  socket.on('error', () => {});
  const done = () => {
    process.stdout.write(`${JSON.stringify({ sent, received: answers.size, longestGapMs })}\n`, () => process.exit());
  };
  const timer = setInterval(() => {
    socket.send(contents(sent++), Number(port), address, () => {});
    if (sent < Number(count)) return;
    clearInterval(timer);
    setTimeout(done, LATE_MS);
  }, Number(intervalMs));
}
