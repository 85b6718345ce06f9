/**
 * Someone in the vehicle who opens one page after the other: fetches the page, then its eight files over six
 * connections, and says how long that took. One JSON line a page: `{"ms":312}` or `{"failed":"timeout"}`.
 * Usage: web-client URL PAUSE_MS. A fresh set of connections for each page, so that every page pays for its handshakes.
 */
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const FILES = 8;
const CONNECTIONS = 6;
/** A person has given up by then. */
const TIMEOUT_MS = 15_000;

const [url, pauseMs] = process.argv.slice(2);

function fetchAll(path: string, agent: Agent, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { agent, signal }, (response) => {
      response.on('end', resolve).on('error', reject).resume();
    }).on('error', reject);
  });
}

async function openPage(): Promise<{ ms: number } | { failed: string }> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const started = performance.now();
  try {
    await fetchAll('/', agent, signal);
    await Promise.all(Array.from({ length: FILES }, (_, i) => fetchAll(`/file-${i}`, agent, signal)));
    return { ms: Math.round((performance.now() - started) * 10) / 10 };
  } catch (error) {
    return { failed: signal.aborted ? 'timeout' : error instanceof Error ? error.message : String(error) };
  } finally {
    agent.destroy();
  }
}

for (;;) {
  process.stdout.write(`${JSON.stringify(await openPage())}\n`);
  await pause(Number(pauseMs));
}
