import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a gateway adds, replaces and removes vehicles with their routes, and ends in good order', () => {
  const script = fileURLToPath(new URL('./gateway-host.mjs', import.meta.url));
  const command = 'ip link set lo up; exec "$0" "$@"';
  const output = execFileSync('unshare', ['--net', '--', 'sh', '-ec', command, process.execPath, script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    { name: 'started', routes: ['10.77.0.0/24', '192.168.77.0/24'], vehicles: ['rtw-1'] },
    { name: 'added', routes: ['10.77.0.0/24', '192.168.77.0/24', '192.168.78.0/24'], vehicles: ['rtw-1', 'rtw-2'] },
    { name: 'replaced', routes: ['10.77.0.0/24', '192.168.78.0/24', '192.168.79.0/24'], vehicles: ['rtw-1', 'rtw-2'] },
    { name: 'removed', routes: ['10.77.0.0/24', '192.168.79.0/24'], vehicles: ['rtw-1'] },
    { policy: 2, refused: 'ERR_POLICY', wrongRole: 'ERR_UNKNOWN_PATH', counters: true },
    { after: 'ERR_HOST_CLOSED', ended: 'in good order' },
  ]);
});
