/**
 * A receiver's daemon for one emulated vehicle: speaks gpsd's protocol (JSON, https://gpsd.io/gpsd_json.html) on
 * 127.0.0.1:2947 of its namespace. The lab says each second where the vehicle is, one JSON line on standard input; every
 * client that asked for reports (`?WATCH={"enable":true,"json":true}`) gets them as TPV sentences.
 */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describeVersion, devices, readWatch, type Track, tpv } from './gpsd.js';

const watching = new Map<Socket, boolean>();

const server = createServer((socket) => {
  watching.set(socket, false);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy()).on('close', () => watching.delete(socket));
  socket.write(describeVersion());
  createInterface({ input: socket }).on('line', (line) => {
    const wanted = readWatch(line);
    if (wanted === undefined) return;
    watching.set(socket, wanted);
    socket.write(`${devices()}${JSON.stringify({ class: 'WATCH', enable: wanted, json: wanted })}\r\n`);
  });
});
server.listen(2947, '127.0.0.1', () => process.stdout.write('ready\n'));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const report = tpv(JSON.parse(line) as Track);
    for (const [socket, wanted] of watching) if (wanted) socket.write(report);
  })
  .on('close', () => process.exit(0));
