import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const hasNft = spawnSync('nft', ['--version']).status === 0;

/** The rules that deploy/pi/setup.sh writes for a vehicle whose devices are plugged into `lan`. */
function firewall(lan: string): string {
  const script = readFileSync(join(root, 'deploy/pi/setup.sh'), 'utf8');
  const [, rules] = /^put 0644 \/etc\/nftables\.d\/corridor\.nft <<EOF[^\n]*\n([\s\S]*?)^EOF$/m.exec(script) ?? [];
  return (rules as string).replaceAll('$LAN', lan);
}

it.skipIf(!hasNft)('the kernel takes the firewall of deploy/pi, and takes it again', () => {
  // A namespace of its own: nothing outside is touched.
  const load = spawnSync('unshare', ['--net', 'sh', '-c', 'nft -f - && nft list ruleset'], {
    input: `${firewall('eth1')}\n${firewall('eth2')}`,
    encoding: 'utf8',
  });
  expect(load.stderr).toBe('');
  expect(load.status).toBe(0);
  expect(load.stdout.match(/^table /gm)).toHaveLength(1);
  expect(load.stdout).toContain('hook forward priority filter; policy drop;');
  expect(load.stdout).toContain('iifname "eth2" oifname "corridor" accept');
  expect(load.stdout).not.toContain('eth1');
});
