import { setTimeout as pause } from 'node:timers/promises';
import { makeKeyPair } from '../../runner/tunnel-config.js';
import { TunnelProcess, tunnelFiles } from '../../runner/tunnel-process.js';
import type { Netns } from '../../sandbox/netns.js';
import type { Contender, Pair } from './contender.js';

const INSIDE = { gateway: '10.77.0.1', vehicle: '10.77.0.2' };
const PORT = 4510;
const START_MS = 15_000;

/** `corridor-tunnel` at both ends, one uplink, its defaults. */
export const corridor: Contender = {
  name: 'Corridor',
  async start(pair) {
    const [gatewayKey, vehicleKey] = [makeKeyPair(), makeKeyPair()];
    const tunnel = (name: string, host: Netns, privateKey: string, config: object) =>
      new TunnelProcess(
        name,
        host,
        tunnelFiles(pair.folder, name),
        pair.folder,
        privateKey,
        { ...config, ...tunnelFiles(pair.folder, name) },
        () => {},
        (error) => process.stderr.write(`${error.message}\n`),
      );
    const gateway = tunnel('gateway', pair.right, gatewayKey.privateKey, gatewayConfig(pair, vehicleKey.publicKey));
    const vehicle = tunnel('vehicle', pair.left, vehicleKey.privateKey, vehicleConfig(pair, gatewayKey.publicKey));
    await gateway.start();
    await vehicle.start();
    const cipher = await established(vehicle);
    return {
      detail: `${cipher}, MTU 1400`,
      target: INSIDE.gateway,
      pids: [gateway.pid, vehicle.pid].filter((pid) => pid !== undefined),
      stop: async () => {
        await vehicle.stop();
        await gateway.stop();
      },
    };
  },
};

function gatewayConfig(pair: Pair, publicKey: string) {
  return {
    role: 'gateway',
    listen: [`${pair.rightAddress}:${PORT}`],
    tun: { name: 'cor0', addresses: [`${INSIDE.gateway}/24`] },
    vehicles: [{ name: 'vehicle', publicKey, addresses: [`${INSIDE.vehicle}/32`] }],
  };
}

function vehicleConfig(pair: Pair, publicKey: string) {
  return {
    role: 'vehicle',
    gateway: { publicKey, endpoints: [`${pair.rightAddress}:${PORT}`] },
    tun: { name: 'cor0', addresses: [`${INSIDE.vehicle}/24`] },
    uplinks: [{ device: pair.leftDevice }],
  };
}

/** Waits for the session and its path; answers the cipher. */
async function established(vehicle: TunnelProcess): Promise<string> {
  for (let waited = 0; waited < START_MS; waited += 50) {
    const peer = (await vehicle.status())?.peers[0];
    if (peer?.session === 'established' && peer.paths.some(({ state }) => state === 'up')) return peer.cipher ?? '';
    await pause(50);
  }
  throw new Error(`Corridor has no session after ${START_MS / 1000} s: ${vehicle.lastWords()}`);
}
