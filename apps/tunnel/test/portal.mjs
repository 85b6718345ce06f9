/**
 * What stands between a vehicle and its gateway in hotels and trains: `node portal.mjs KIND PORT CERTIFICATES`.
 *
 *   plain     answers HTTP to whatever comes, without TLS
 *   silent    takes the connection and says nothing
 *   page      shows the gateway's own certificate and answers with a page
 *   redirect  the same with a redirect
 *   garbage   the same with no HTTP at all
 *
 * Portals do not have the gateway's certificate; with it, what comes behind TLS is tested, too.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

const [kind, port, certificates] = process.argv.slice(2);
const PAGE = '<html><body>Welcome. Please accept our terms.</body></html>';
const ANSWERS = {
  page: `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`,
  redirect: 'HTTP/1.1 302 Found\r\nLocation: https://203.0.113.10:8443/tunnel\r\nContent-Length: 0\r\n\r\n',
  garbage: 'SSH-2.0-portal\r\n\0\0\0',
};
const options = {
  cert: readFileSync(join(certificates, 'gateway.pem')),
  key: readFileSync(join(certificates, 'gateway.key')),
};

function answer(socket) {
  socket.on('error', () => {});
  if (kind === 'silent') return;
  socket.once('data', () => socket.write(ANSWERS[kind] ?? ANSWERS.page));
}

const server = kind in ANSWERS ? createTlsServer(options, answer) : createServer(answer);
server.listen(Number(port), '0.0.0.0', () => process.stdout.write('ready\n'));
