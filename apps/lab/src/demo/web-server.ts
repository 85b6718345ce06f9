/**
 * The hospital's web server: a page of 20 kB that names eight files of 30 kB, as much as a lean web application loads.
 * Usage: web-server ADDRESS PORT. Ends with the lab.
 */
import { createServer } from 'node:http';

const PAGE = Buffer.alloc(20_000, '<p>patient</p>');
const FILE = Buffer.alloc(30_000, 'data');

const [address, port] = process.argv.slice(2);
createServer((request, response) => {
  const body = request.url === '/' ? PAGE : FILE;
  response.writeHead(200, { 'content-length': body.length, 'cache-control': 'no-store' }).end(body);
}).listen(Number(port), address, () => process.stdout.write('ready\n'));
