import { readSetting, type StateFile } from './state-file.js';

const setting = (device: string) => `/proc/sys/net/ipv4/conf/${device}/rp_filter`;

/**
 * Strict reverse-path filtering (RFC 3704) drops what arrives on an uplink when the machine's own routes lead to the
 * sender elsewhere, and with several uplinks they lead elsewhere for all but one. Loose mode (2) still refuses senders
 * that no route leads to. The kernel uses the larger value of "all" and the device, so the device alone is enough.
 *
 * @throws the error of the write, such as EACCES under a read-only /proc/sys.
 */
export function loosenReversePath(device: string, state: StateFile): boolean {
  const strict = Math.max(Number(readSetting(setting('all')) ?? 0), Number(readSetting(setting(device)) ?? 0)) === 1;
  return strict && state.change(setting(device), '2');
}
