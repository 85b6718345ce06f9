import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Netns } from '../../sandbox/netns.js';
import { type Contender, carries, end, type Pair, versionOf } from './contender.js';

const INSIDE = { left: '10.9.0.2', right: '10.9.0.1' };
const PORT = 51_820;
const MTU = 1420;

/** WireGuard in user space, as packaged; ChaCha20-Poly1305 is all that it speaks. */
export const wireguardGo: Contender = {
  name: 'wireguard-go',
  async start(pair) {
    const version = versionOf('wireguard-go', ['--version']);
    if (version === undefined || versionOf('wg', ['--version']) === undefined) return 'not installed';
    const keys = { left: makeKeys(pair, 'left'), right: makeKeys(pair, 'right') };
    const left = start(pair.left, 'wgleft');
    const right = start(pair.right, 'wgright');
    const children = [left, right];
    const stop = async () => void (await Promise.all(children.map(end)));
    try {
      await configure(pair.right, 'wgright', keys.right.file, keys.left.publicKey, INSIDE.right, []);
      const endpoint = ['endpoint', `${pair.rightAddress}:${PORT}`];
      await configure(pair.left, 'wgleft', keys.left.file, keys.right.publicKey, INSIDE.left, endpoint);
      await carries(pair.left, INSIDE.right, 'wireguard-go');
    } catch (error) {
      await stop();
      throw error;
    }
    const detail = `${/v?([\d.]+)/.exec(version)?.[1] ?? version}, ChaCha20-Poly1305, MTU ${MTU}`;
    return { detail, target: INSIDE.right, pids: children.map(({ pid }) => pid as number), stop };
  },
};

function start(host: Netns, device: string): ChildProcess {
  return host.spawn('wireguard-go', ['-f', device], { stdio: 'ignore', env: { ...process.env, LOG_LEVEL: 'silent' } });
}

async function configure(
  host: Netns,
  device: string,
  keyFile: string,
  peer: string,
  address: string,
  endpoint: readonly string[],
): Promise<void> {
  const args = ['set', device, 'private-key', keyFile, 'listen-port', String(PORT)];
  const peerArgs = ['peer', peer, 'allowed-ips', '10.9.0.0/24', ...endpoint];
  // The device appears a moment after the process started.
  for (let i = 0; ; i++) {
    const { code, stderr } = await host.run('wg', [...args, ...peerArgs]);
    if (code === 0) break;
    if (i === 50) throw new Error(`wg set ${device} failed: ${stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await host.ip([`addr add ${address}/24 dev ${device}`, `link set ${device} mtu ${MTU} up`]);
}

function makeKeys(pair: Pair, name: string): { file: string; publicKey: string } {
  const privateKey = wg(['genkey'], '');
  const file = `${pair.folder}/wg-${name}.key`;
  writeFileSync(file, privateKey, { mode: 0o600 });
  return { file, publicKey: wg(['pubkey'], privateKey).trim() };
}

function wg(args: readonly string[], input: string): string {
  return spawnSync('wg', args, { encoding: 'utf8', input }).stdout;
}
