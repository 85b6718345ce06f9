/** `npm run lab -- enrol CLAIM`: enrols the spare vehicle of a running demo. Runs outside the sandbox. */
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseClaim } from '@corridor/contracts';
import { UsageError } from '../commands/options.js';
import { runningDemo } from './front-door.js';

const TIMEOUT_MS = 90_000;

export async function enrol(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { data: { type: 'string', default: 'data/demo' } },
    allowPositionals: true,
  });
  // The whole command that the console shows will do, too.
  const claim = positionals.find((word) => parseClaim(word) !== undefined);
  if (claim === undefined) {
    throw new UsageError('enrol takes one claim, such as "corridor1.….….…", as the console shows it.');
  }
  const data = resolve(values.data);
  const demo = runningDemo(data);
  if (demo === undefined) throw new UsageError(`no demo runs on ${data}: start one with "npm start".`);
  const { status, body } = await post(join(demo.folder, 'demo.sock'), '/enrolment', { claim });
  if (status !== 200) throw new UsageError(String(body.detail ?? `the demo answered ${status}`));
  process.stdout.write(`enrolled: the spare ambulance is ${body.vehicle} now\n`);
  return 0;
}

function post(socketPath: string, path: string, body: unknown) {
  return new Promise<{ status: number; body: Record<string, unknown> }>((resolve_, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { 'content-type': 'application/json' };
    const asked = request({ socketPath, path, method: 'POST', headers, signal }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk;
        })
        .on('end', () => resolve_({ status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) }));
    });
    asked.on('error', reject).end(JSON.stringify(body));
  });
}
