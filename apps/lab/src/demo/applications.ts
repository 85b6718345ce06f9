/** What runs in the demo's ambulances: vital signs and video to the hospital, and somebody who reads web pages there. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TrafficSpec } from '@corridor/sim';
import type { LabFace } from '../face.js';

/** Differentiated services code points of the demo's traffic: EF (RFC 3246) and AF41 (RFC 2597). */
export const VITALS_DSCP = 46;
export const VIDEO_DSCP = 34;

export const VITALS: TrafficSpec = {
  kind: 'vitals',
  direction: 'up',
  bytes: 200,
  packetsPerSecond: 50,
  dscp: VITALS_DSCP,
};

const WEB_PORT = 8080;
/** A pause between pages, as someone reads. */
const READING_MS = 2_000;

export function video(rateBps = 5e6): TrafficSpec {
  return { kind: 'video', direction: 'up', bytes: 1_200, rateBps, dscp: VIDEO_DSCP };
}

/** The hospital's web server; resolves when it listens. @throws Error when it ends instead. */
export async function startWebServer(lab: LabFace): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('./web-server.js', import.meta.url));
  const argv = [process.execPath, program, lab.hospitalAddress.v4, String(WEB_PORT)];
  const server = lab.spawnIn('hospital', 0, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise<void>((resolve, reject) => {
    server.stdout?.once('data', () => resolve());
    server.once('exit', (code) => reject(new Error(`the hospital's web server ended with code ${code}`)));
  });
  return server;
}

/** Somebody in the vehicle who opens one page after the other; `onPage` hears how long each took, null: failed. */
export function startBrowser(lab: LabFace, vehicle: number, onPage?: (ms: number | null) => void): ChildProcess {
  const program = fileURLToPath(new URL('./web-client.js', import.meta.url));
  const url = `http://${lab.hospitalAddress.v4}:${WEB_PORT}`;
  const argv = [process.execPath, program, url, String(READING_MS)];
  const browser = lab.spawnIn('client', vehicle, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  if (browser.stdout === null) return browser;
  createInterface({ input: browser.stdout }).on('line', (line) => {
    const page = JSON.parse(line) as { ms: number } | { failed: string };
    onPage?.('ms' in page ? page.ms : null);
  });
  return browser;
}
