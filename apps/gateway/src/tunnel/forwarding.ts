import { readFileSync } from 'node:fs';

const IPV4 = '/proc/sys/net/ipv4/ip_forward';
const IPV6 = '/proc/sys/net/ipv6/conf/all/forwarding';

/**
 * What vehicles reach behind the gateway is forwarded by the kernel, if it is allowed to: a sentence for each family of
 * `routes` for which it is not. The gateway warns and changes nothing: forwarding concerns the whole machine.
 *
 * @param read contents of a file; undefined when there is none
 */
export function forwardingWarnings(routes: readonly string[], read = readSetting): string[] {
  const families = [
    { file: IPV4, key: 'net.ipv4.ip_forward', routes: routes.filter((route) => !route.includes(':')) },
    { file: IPV6, key: 'net.ipv6.conf.all.forwarding', routes: routes.filter((route) => route.includes(':')) },
  ];
  return families
    .filter(({ file, routes }) => routes.length > 0 && read(file)?.trim() !== '1')
    .map(({ key, routes }) => `vehicles cannot reach ${routes.join(', ')}: ${key} is off here (sysctl -w ${key}=1)`);
}

function readSetting(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
