/** The demo fleet on a lab whose runner is the real gateway with real agents: drive, receivers, traffic, drills. */
import { vehicleName } from '@corridor/sim';
import { startBrowser, startWebServer, VITALS, video } from '../demo/applications.js';
import type { Drive } from '../demo/drive.js';
import type { LabFace } from '../face.js';
import type { FleetRunner } from '../runner/fleet-runner.js';
import type { DrillLink, DrillTarget } from './drill-server.js';
import { type GpsReceiver, startGpsd } from './gpsd.js';
import { lonLat } from './world.js';

/** How often a vehicle's place sets its links. */
const DRIVE_STEP_MS = 500;
/** A receiver reports once a second. */
const STEPS_PER_FIX = 2;
/** Three vehicles at once on a small machine: a picture of modest size each. */
const VIDEO_BPS = 3e6;

export class FleetDemo implements DrillTarget {
  private readonly receivers: GpsReceiver[] = [];
  private readonly cuts = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private steps = 0;
  /** When each vehicle left the station; a spare stays there. */
  private readonly leftMs = new Map<number, number>();

  constructor(
    private readonly lab: LabFace,
    private readonly runner: FleetRunner,
    private readonly drive: Drive,
  ) {}

  /** Starts receivers, drive and traffic on a lab that runs. */
  async start(): Promise<void> {
    for (let slot = 0; slot < this.lab.vehicles; slot++) this.receivers.push(await startGpsd(this.lab, slot));
    this.timer = setInterval(() => this.driveOn(), DRIVE_STEP_MS);
    await startWebServer(this.lab);
    for (let slot = 0; slot < this.lab.vehicles; slot++) {
      if (this.runner.registry.vehicleId(slot) !== undefined) await this.leave(slot);
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async links(): Promise<readonly DrillLink[]> {
    const names = await this.names();
    return [...names].flatMap(([vehicle, slot]) =>
      this.lab.linkNames(slot).map((link) => ({
        vehicle,
        link,
        state: this.cuts.has(`${slot}/${link}`) ? ('cut' as const) : ('up' as const),
      })),
    );
  }

  async drill(vehicle: string, link: string, action: 'cut' | 'restore'): Promise<boolean> {
    const slot = (await this.names()).get(vehicle);
    if (slot === undefined || !this.lab.linkNames(slot).includes(link)) return false;
    if (action === 'cut') {
      this.cuts.add(`${slot}/${link}`);
      this.lab.cut(slot, link);
    } else {
      this.cuts.delete(`${slot}/${link}`);
      this.lab.restore(slot, link);
    }
    return true;
  }

  async enrol(claim: string): Promise<string> {
    const [slot] = this.runner.spares();
    if (slot === undefined) throw new Error('every vehicle of this demo is enrolled already');
    const vehicleId = await this.runner.enrol(slot, claim);
    await this.leave(slot);
    return (await this.names(vehicleId)).keys().next().value ?? vehicleName(slot);
  }

  /** Names of the registry and slots; `only`: of this vehicle. An operator may have renamed them. */
  private async names(only?: string): Promise<Map<string, number>> {
    const names = new Map<string, number>();
    for (const { id, name } of await this.runner.registry.vehicles()) {
      const slot = this.runner.registry.slotOf(id);
      if (slot !== undefined && (only === undefined || only === id)) names.set(name, slot);
    }
    return names;
  }

  /** The vehicle leaves the station: from now on it drives, with its traffic. */
  private async leave(slot: number): Promise<void> {
    this.leftMs.set(slot, performance.now());
    startBrowser(this.lab, slot);
    await this.lab.startFlow(slot, VITALS);
    await this.lab.startFlow(slot, video(VIDEO_BPS));
  }

  private driveOn(): void {
    const fix = this.steps++ % STEPS_PER_FIX === 0;
    for (let slot = 0; slot < this.lab.vehicles; slot++) {
      const leftMs = this.leftMs.get(slot);
      const elapsedUs = leftMs === undefined ? 0 : (performance.now() - leftMs) * 1000;
      const { point, headingDeg, place, links } = this.drive.at(slot, elapsedUs);
      for (const { name, up, down } of leftMs === undefined ? [] : links) {
        this.lab.setLink(slot, name, 'up', up);
        this.lab.setLink(slot, name, 'down', down);
      }
      if (!fix) continue;
      const speedMps = leftMs === undefined ? 0 : place.speedKmh / 3.6;
      this.receivers[slot]?.report({ time: new Date().toISOString(), at: lonLat(point), speedMps, headingDeg });
    }
  }
}
