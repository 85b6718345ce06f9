/** gpsd's protocol, as much of it as a client of positions needs; and the daemons of all vehicles of a lab. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LabFace } from '../face.js';
import type { LonLat } from './world.js';

export const GPSD_ADDRESS = '127.0.0.1:2947';
const DEVICE = '/dev/ttyGPS0';

/** One fix. */
export interface Track {
  /** ISO 8601, UTC, of the receiver. */
  readonly time: string;
  readonly at: LonLat;
  readonly speedMps: number;
  readonly headingDeg: number;
}

/** A line of gpsd's: JSON, ended by CR and LF. */
function sentence(body: object): string {
  return `${JSON.stringify(body)}\r\n`;
}

export function describeVersion(): string {
  return sentence({ class: 'VERSION', release: '3.22', rev: '3.22', proto_major: 3, proto_minor: 14 });
}

export function devices(): string {
  return sentence({ class: 'DEVICES', devices: [{ class: 'DEVICE', path: DEVICE, driver: 'NMEA0183', native: 0 }] });
}

/** Whether a client wants JSON reports from now on; undefined when the line is no WATCH command. */
export function readWatch(line: string): boolean | undefined {
  const match = /^\?WATCH(?:=(\{.*\}))?;?\s*$/.exec(line.trim());
  if (match === null) return undefined;
  try {
    const wish = JSON.parse(match[1] ?? '{}') as { enable?: boolean; json?: boolean };
    return wish.enable !== false && wish.json === true;
  } catch {
    return undefined;
  }
}

/** A fix in three dimensions: time, position, velocity. */
export function tpv({ time, at: [lon, lat], speedMps, headingDeg }: Track): string {
  const rounded = (value: number) => Math.round(value * 1000) / 1000;
  return sentence({
    class: 'TPV',
    device: DEVICE,
    mode: 3,
    time,
    lat,
    lon,
    altHAE: 312,
    eph: 6,
    track: rounded(headingDeg),
    speed: rounded(speedMps),
  });
}

/** Starts the daemon of one vehicle; resolves when it listens. */
export async function startGpsd(lab: LabFace, vehicle: number): Promise<GpsReceiver> {
  const program = fileURLToPath(new URL('./gpsd-program.js', import.meta.url));
  const argv = [process.execPath, '--max-semi-space-size=1', program];
  const child = lab.spawnIn('vehicle', vehicle, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the receiver of vehicle ${vehicle} ended with code ${code}`)));
  });
  return new GpsReceiver(child);
}

export class GpsReceiver {
  constructor(private readonly child: ChildProcess) {
    child.stdin?.on('error', () => {});
  }

  /** Reports a fix to everybody who watches. */
  report(track: Track): void {
    this.child.stdin?.write(`${JSON.stringify(track)}\n`);
  }
}
