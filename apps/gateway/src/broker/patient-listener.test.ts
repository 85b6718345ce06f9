import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../../test/eventually.js';
import { PatientListener } from './patient-listener.js';

test('waits for an address that somebody else still has, and takes it', async () => {
  const former = createServer().listen(0, '127.0.0.1');
  await once(former, 'listening');
  const { port } = former.address() as { port: number };
  const listener = new PatientListener({ host: '127.0.0.1', port }, (socket) => socket.end('hello'));
  await listener.open();
  expect(listener.port).toBeUndefined();
  former.close();
  await eventually(() => listener.port === port);
  const socket = connect(port, '127.0.0.1');
  const [greeting] = await once(socket, 'data');
  expect(String(greeting)).toBe('hello');
  await listener.close();
});

test('waits for an address that is not there, and ends while it waits', async () => {
  // TEST-NET-1 (RFC 5737): no machine has it.
  const listener = new PatientListener({ host: '192.0.2.1', port: 1883 }, () => undefined);
  await listener.open();
  expect(listener.port).toBeUndefined();
  await listener.close();
});

test('closing it ends its connections', async () => {
  const listener = new PatientListener({ host: '127.0.0.1', port: 0 }, () => undefined);
  await listener.open();
  const socket = connect(listener.port!, '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await listener.close();
  await closed;
  expect(listener.port).toBeUndefined();
});
