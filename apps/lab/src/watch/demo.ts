/**
 * The demo itself: a lab with vehicles on a drive, their traffic, and what the keys do to them. Draws nothing.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TrafficSpec } from '@corridor/sim';
import { vehicleName } from '@corridor/sim';
import type { LabFace } from '../face.js';
import type { Collector } from './collector.js';
import type { Drive } from './drive.js';
import { demoPolicy, STRATEGIES, VIDEO_DSCP, VITALS_DSCP } from './policy.js';

/** How often a vehicle's place sets its links. */
const DRIVE_STEP_MS = 500;
const SETTLE_MS = 1_500;
const WEB_PORT = 8080;
/** A pause between pages, as someone reads. */
const READING_MS = 2_000;

const VITALS: TrafficSpec = { kind: 'vitals', direction: 'up', bytes: 200, packetsPerSecond: 50, dscp: VITALS_DSCP };
const VIDEO: TrafficSpec = { kind: 'video', direction: 'up', bytes: 1_200, rateBps: 5e6, dscp: VIDEO_DSCP };

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
    await this.#startWebServer();
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) this.#startBrowser(vehicle);
    // Half a dozen processes start at this moment; the figures of the flows should not be about that.
    await pause(SETTLE_MS);
    for (let vehicle = 0; vehicle < this.lab.vehicles; vehicle++) {
      this.collector.addApp(vehicle, 'vitals', 'vitals', await this.lab.startFlow(vehicle, VITALS));
      this.collector.addApp(vehicle, 'video', 'video', await this.lab.startFlow(vehicle, VIDEO));
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

  async #startWebServer(): Promise<void> {
    const program = fileURLToPath(new URL('./web-server.js', import.meta.url));
    const argv = [process.execPath, program, this.lab.hospitalAddress.v4, String(WEB_PORT)];
    const server = this.lab.spawnIn('hospital', 0, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.push(server);
    await new Promise<void>((resolve, reject) => {
      server.stdout?.once('data', () => resolve());
      server.once('exit', (code) => reject(new Error(`the hospital's web server ended with code ${code}`)));
    });
  }

  #startBrowser(vehicle: number): void {
    const program = fileURLToPath(new URL('./web-client.js', import.meta.url));
    const url = `http://${this.lab.hospitalAddress.v4}:${WEB_PORT}`;
    const argv = [process.execPath, program, url, String(READING_MS)];
    const browser = this.lab.spawnIn('client', vehicle, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.push(browser);
    const pages = this.collector.pages(vehicle);
    if (browser.stdout === null) return;
    createInterface({ input: browser.stdout }).on('line', (line) => {
      const page = JSON.parse(line) as { ms: number } | { failed: string };
      if ('ms' in page) pages.page(page.ms);
      else pages.fail();
    });
  }
}
