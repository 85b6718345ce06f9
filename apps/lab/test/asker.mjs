/** Sends what it is told to the echo, always from the same port, and reports the answer, or null after `waitMs`. */
import { createSocket } from 'node:dgram';

const sockets = { 4: createSocket('udp4'), 6: createSocket({ type: 'udp6', ipv6Only: true }) };
for (const socket of Object.values(sockets)) await new Promise((resolve) => socket.bind(7008, resolve));
process.on('message', ({ address, waitMs }) => {
  const socket = sockets[address.includes(':') ? 6 : 4];
  const answered = (message) => finish(message.toString());
  const timer = setTimeout(() => finish(null), waitMs);
  const started = process.hrtime.bigint();
  const finish = (answer) => {
    clearTimeout(timer);
    socket.off('message', answered);
    process.send({ answer, ms: Number(process.hrtime.bigint() - started) / 1e6 });
  };
  socket.on('message', answered);
  socket.send('who am I', 7007, address);
});
process.send('ready');
