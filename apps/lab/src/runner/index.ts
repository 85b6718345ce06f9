/** What the lab can put at the ends of its tunnels, by name. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { vehicleName } from '@corridor/sim';
import { clientPrefixes } from '../addresses.js';
import { FleetFolders } from './fleet-folders.js';
import { type FleetOptions, FleetRunner } from './fleet-runner.js';
import type { MakeRunner, RunnerContext } from './runner.js';
import { TunnelRunner } from './tunnel-runner.js';

export type RunnerName = 'tunnel' | 'fleet';

/** `tunnel`: corridor-tunnel. `fleet`: the gateway and an agent per vehicle, enrolled anew in every lab. */
export function runnerNamed(name: RunnerName): MakeRunner {
  return name === 'tunnel' ? (context) => new TunnelRunner(context) : (context) => freshFleet(context);
}

/** A fleet whose data is the sandbox's: gone with it. */
export function freshFleet(context: RunnerContext, more: Partial<FleetOptions> = {}): FleetRunner {
  const parent = '/run/corridor-lab';
  mkdirSync(parent, { recursive: true, mode: 0o711 });
  const data = mkdtempSync(`${parent}/fleet-`);
  const plans = context.linkSets.map((links, vehicle) => {
    const { v4, v6 } = clientPrefixes(vehicle);
    const uplinks = links.map(({ name }) => ({ name, label: '', operator: '' }));
    return { name: vehicleName(vehicle), networks: [v4, v6], uplinks };
  });
  const group = { name: 'lab', description: 'vehicles of a lab' };
  const folders = new FleetFolders(data, `${data}/run`);
  return new FleetRunner(context, { folders, plans, group, temporary: true, exactPolicy: true, ...more });
}
