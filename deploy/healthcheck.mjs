/**
 * Exit code 0 when the gateway of this container answers /health/live. The certificate is not looked at: it names the
 * public host, and this asks the process beside it.
 */
import { request } from 'node:https';

const port = /:(\d+)$/.exec(process.env.CORRIDOR_LISTEN ?? '')?.[1] ?? '8443';
const options = { host: '127.0.0.1', port, path: '/health/live', rejectUnauthorized: false, timeout: 2500 };
const asked = request(options, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1));
asked.on('error', () => process.exit(1));
asked.on('timeout', () => process.exit(1));
asked.end();
