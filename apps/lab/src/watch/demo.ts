/**
 * The demo itself: a lab with vehicles on a drive, their traffic, and what the keys do to them. Draws nothing.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { vehicleName } from '@corridor/sim';
import { startBrowser, startWebServer, VITALS, video } from '../demo/applications.js';
import type { Drive } from '../demo/drive.js';
import type { LabFace } from '../face.js';
import type { Collector } from './collector.js';
import { demoPolicy, STRATEGIES } from './policy.js';

/** How often a vehicle's place sets its links. */
const DRIVE_STEP_MS = 500;
const SETTLE_MS = 1_500;

export class Demo {
  #strategy = 0;
  #policyVersion = 1;
  #timer: NodeJS.Timeout | undefined;
  readonly #children: ChildProcess[] = [];

  constructor(
    private readonly lab: LabFace,
    private readonly collector: Collector,
    private readonly drive: Drive,
  ) {}

  /** Starts traffic and drive on a lab that is ready. */
  async start(): Promise<void> {
    this.#children.push(await startWebServer(this.lab));
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      const pages = this.collector.pages(vehicle);
      const onPage = (ms: number | null) => (ms === null ? pages.fail() : pages.page(ms));
      this.#children.push(startBrowser(this.lab, vehicle, onPage));
    }
    // Half a dozen processes start at this moment; the figures of the flows should not be about that.
    await pause(SETTLE_MS);
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      this.collector.addApp(vehicle, 'vitals', 'vitals', await this.lab.startFlow(vehicle, VITALS));
      this.collector.addApp(vehicle, 'video', 'video', await this.lab.startFlow(vehicle, video()));
      this.collector.addApp(vehicle, 'web', 'default');
    }
    this.#timer = setInterval(() => this.#driveOn(), DRIVE_STEP_MS);
    this.#driveOn();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const child of this.#children) child.kill('SIGKILL');
  }

  /** Does what a key stands for and answers what to tell, or undefined for a key without meaning. */
  async onKey(key: string): Promise<string | undefined> {
    if (/^[1-9]$/.test(key)) return this.#toggle(Number(key) - 1);
    if (key === 'a') return this.#cutActive();
    if (key === 'r') return this.#restoreAll();
    if (key === 's') return this.#nextStrategy();
    if (key === 'g') return this.#restartGateway();
    return undefined;
  }

  #toggle(index: number): string | undefined {
    const links = this.lab.linkNames(0).length;
    const vehicle = Math.floor(index / links);
    if (vehicle >= this.lab.vehicles) return undefined;
    const link = this.lab.linkNames(vehicle)[index % links] as string;
    const cut = !this.collector.isCut(vehicle, link);
    this.#setCut(vehicle, link, cut);
    return cut
      ? `${link} of ${vehicleName(vehicle)} is cut in silence: packets vanish both ways`
      : `${link} of ${vehicleName(vehicle)} is back`;
  }

  #setCut(vehicle: number, link: string, cut: boolean): void {
    if (cut) this.lab.cut(vehicle, link);
    else this.lab.restore(vehicle, link);
    this.collector.setCut(vehicle, link, cut);
  }

  #cutActive(): string {
    const cut: string[] = [];
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      const link = this.collector.activeLink(vehicle, 'video');
      if (link === undefined || this.collector.isCut(vehicle, link)) continue;
      this.#setCut(vehicle, link, true);
      cut.push(`${link} of ${vehicleName(vehicle)}`);
    }
    return cut.length > 0 ? `cut: ${cut.join(', ')}` : 'no active link to cut';
  }

  #restoreAll(): string {
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      for (const link of this.lab.linkNames(vehicle)) {
        if (this.collector.isCut(vehicle, link)) this.#setCut(vehicle, link, false);
      }
    }
    return 'all links are back';
  }

  async #nextStrategy(): Promise<string> {
    this.#strategy = (this.#strategy + 1) % STRATEGIES.length;
    const strategy = STRATEGIES[this.#strategy] as string;
    const policy = demoPolicy(++this.#policyVersion, strategy);
    const vehicles = Array.from({ length: this.lab.vehicles }, (_, vehicle) => vehicle);
    await Promise.all(vehicles.map((vehicle) => this.lab.setPolicy(vehicle, policy)));
    return `video and web now go by ${strategy}`;
  }

  async #restartGateway(): Promise<string> {
    if (this.collector.gatewayRestarting) return 'the gateway is restarting already';
    this.collector.gatewayRestarting = true;
    try {
      await this.lab.restartGateway();
      return 'the gateway was killed and runs again; vehicles find it by themselves';
    } finally {
      this.collector.gatewayRestarting = false;
    }
  }

  #driveOn(): void {
    const elapsedUs = this.collector.elapsedMs * 1000;
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      const moment = this.drive.at(vehicle, elapsedUs);
      this.collector.setPlace(vehicle, moment.place);
      for (const { name, up, down } of moment.links) {
        this.lab.setLink(vehicle, name, 'up', up);
        this.lab.setLink(vehicle, name, 'down', down);
      }
    }
  }
}
