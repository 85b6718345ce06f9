import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import type { Netns } from '../../sandbox/netns.js';
import { type Contender, carries, end, type Pair, type Running, versionOf } from './contender.js';

const INSIDE = { left: '10.8.0.2', right: '10.8.0.1' };
const MTU = 1400;

/**
 * OpenVPN over UDP with TLS keys and AES-256-GCM, in user space like the others (no kernel module), with an MTU that
 * fits the cable without fragments and socket buffers of a megabyte where the system allows them.
 */
export const openvpn: Contender = {
  name: 'OpenVPN',
  async start(pair) {
    const version = versionOf('openvpn', ['--version']);
    if (version === undefined || versionOf('openssl', ['version']) === undefined) return 'not installed';
    const fingerprints = { left: makeCertificate(pair, 'left'), right: makeCertificate(pair, 'right') };
    const right = run(pair, pair.right, 'right', fingerprints.left, [
      '--tls-server',
      '--dh',
      'none',
      '--local',
      pair.rightAddress,
    ]);
    const left = run(pair, pair.left, 'left', fingerprints.right, ['--tls-client', '--remote', pair.rightAddress]);
    return standing(pair, `${/^OpenVPN ([\d.]+)/.exec(version)?.[1] ?? version}, AES-256-GCM, MTU ${MTU}`, [
      left,
      right,
    ]);
  },
};

async function standing(pair: Pair, detail: string, children: ChildProcess[]): Promise<Running> {
  const stop = async () => void (await Promise.all(children.map(end)));
  try {
    await carries(pair.left, INSIDE.right, 'OpenVPN');
  } catch (error) {
    await stop();
    throw error;
  }
  return { detail, target: INSIDE.right, pids: children.map(({ pid }) => pid as number), stop };
}

function run(pair: Pair, host: Netns, side: 'left' | 'right', peer: string, role: readonly string[]): ChildProcess {
  const other = side === 'left' ? 'right' : 'left';
  const args = [
    ...['--dev', 'ovpn0', '--dev-type', 'tun', '--disable-dco', '--proto', 'udp', '--port', '1194', '--nobind'].slice(
      0,
      side === 'left' ? undefined : -1,
    ),
    ...['--ifconfig', INSIDE[side], INSIDE[other], '--tun-mtu', String(MTU), '--txqueuelen', '4096'],
    ...['--cert', `${pair.folder}/${side}.crt`, '--key', `${pair.folder}/${side}.pem`, '--peer-fingerprint', peer],
    ...['--data-ciphers', 'AES-256-GCM', '--sndbuf', '1048576', '--rcvbuf', '1048576', '--fast-io', '--verb', '1'],
    ...['--log', `${pair.folder}/openvpn-${side}.log`],
    ...role,
  ];
  return host.spawn('openvpn', args, { stdio: 'ignore' });
}

/** A self-signed certificate; carries its SHA-256 fingerprint, by which the other end knows it. */
function makeCertificate(pair: Pair, name: string): string {
  const [key, certificate] = [`${pair.folder}/${name}.pem`, `${pair.folder}/${name}.crt`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(['req', '-x509', ...curve, '-days', '30', '-subj', `/CN=${name}`, '-keyout', key, '-out', certificate]);
  const printed = openssl(['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256']);
  return printed.slice(printed.indexOf('=') + 1).trim();
}

function openssl(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr.trim()}`);
  return stdout;
}
