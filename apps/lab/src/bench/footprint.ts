/**
 * `npm run bench -- footprint`: what a vehicle's tunnel costs while nothing happens: memory, CPU time, bytes on each
 * link. Measured on a lab of one vehicle with three links and no traffic, and for the bytes also on the virtual clock,
 * over a whole hour.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { runScenario, type Scenario } from '@corridor/sim';
import { nodeHandshakePrimitives } from '@corridor/tunnel-host';
import { DEFAULT_LINKS, DEFAULT_POLICY, Lab } from '../lab.js';
import { processSeconds, residentBytes } from './cpu.js';
import { describeMachine, machineFacts, writeResult } from './results.js';
import { digits, table } from './table.js';

export interface FootprintOptions {
  /** How long the tunnel idles before and while it is measured. */
  readonly seconds: number;
}

const HOUR_S = 3_600;
/** IPv4 and UDP headers, which the simulator's links do not count. */
const HEADER_BYTES = 28;

interface Idle {
  readonly residentMb: number;
  readonly cpuPercent: number;
}

interface LinkBytes {
  readonly link: string;
  readonly upKbPerHour: number;
  readonly downKbPerHour: number;
}

export async function footprint(options: FootprintOptions): Promise<number> {
  const measured = await measure(options.seconds);
  const simulated = simulateHour();
  process.stdout.write(`${describeMachine(machineFacts())}\n`);
  process.stdout.write(`no traffic, ${options.seconds} s to settle, then ${options.seconds} s measured\n\n`);
  const head = ['process', 'resident MB', 'CPU % of one core'];
  const row = (name: string, idle: Idle) => [name, digits(idle.residentMb), digits(idle.cpuPercent)];
  process.stdout.write(`${table(head, [row('vehicle', measured.vehicle), row('gateway', measured.gateway)])}\n\n`);
  const bytesHead = ['idle kB per link and hour', 'up', 'down', 'simulated up', 'down'];
  const bytesRows = measured.links.map((link) => {
    const expected = simulated.find((other) => other.link === link.link);
    const figures = [link.upKbPerHour, link.downKbPerHour, expected?.upKbPerHour, expected?.downKbPerHour];
    return [link.link, ...figures.map(digits)];
  });
  process.stdout.write(`${table(bytesHead, bytesRows)}\n`);
  process.stdout.write(`written to ${writeResult('footprint', { options, ...measured, simulated })}\n`);
  return 0;
}

async function measure(seconds: number): Promise<{ vehicle: Idle; gateway: Idle; links: LinkBytes[] }> {
  const lab = await Lab.create({ vehicles: 1 });
  try {
    await lab.ready();
    await pause(seconds * 1_000);
    const pids = { vehicle: pidOf(lab, 0), gateway: pidOf(lab, 'gateway') };
    const before = { ...cpuOf(pids), links: await lab.links(), at: performance.now() };
    await pause(seconds * 1_000);
    const after = { ...cpuOf(pids), links: await lab.links(), at: performance.now() };
    const elapsed = (after.at - before.at) / 1_000;
    const idle = (who: 'vehicle' | 'gateway'): Idle => ({
      residentMb: residentBytes(pids[who]) / 1e6,
      cpuPercent: (100 * (after[who] - before[who])) / elapsed,
    });
    const perHour = (link: string, direction: 'up' | 'down') => {
      const bytes = (figures: typeof after.links) =>
        figures.find((other) => other.link === link && other.direction === direction)?.bytes ?? 0;
      return ((bytes(after.links) - bytes(before.links)) / elapsed) * (HOUR_S / 1_000);
    };
    const links = lab
      .linkNames(0)
      .map((link) => ({ link, upKbPerHour: perHour(link, 'up'), downKbPerHour: perHour(link, 'down') }));
    return { vehicle: idle('vehicle'), gateway: idle('gateway'), links };
  } finally {
    await lab.close();
  }
}

function pidOf(lab: Lab, who: number | 'gateway'): number {
  const pid = lab.tunnelPid(who);
  if (pid === undefined) throw new Error(`the tunnel of ${who === 'gateway' ? who : 'the vehicle'} does not run`);
  return pid;
}

function cpuOf(pids: { vehicle: number; gateway: number }) {
  return { vehicle: processSeconds([pids.vehicle]), gateway: processSeconds([pids.gateway]) };
}

function simulateHour(): LinkBytes[] {
  const idle: Scenario = {
    name: 'idle-hour',
    description: 'Nothing happens for an hour.',
    durationUs: HOUR_S * 1e6,
    vehicles: 1,
    links: DEFAULT_LINKS,
    traffic: [],
    policy: DEFAULT_POLICY,
    steps: [],
  };
  const kilobytes = (way: { offeredBytes: number; offeredPackets: number }) =>
    (way.offeredBytes + HEADER_BYTES * way.offeredPackets) / 1_000;
  return runScenario(idle, { seed: 1, handshake: nodeHandshakePrimitives }).links.map(({ link, up, down }) => ({
    link,
    upKbPerHour: kilobytes(up),
    downKbPerHour: kilobytes(down),
  }));
}
