/** Answers every UDP datagram on port 7007 with the address and port from which it seemed to come. */
import { createSocket } from 'node:dgram';

for (const type of ['udp4', 'udp6']) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (_, from) => socket.send(`${from.address} ${from.port}`, from.port, from.address));
  socket.bind(7007, () => process.send(type));
}
