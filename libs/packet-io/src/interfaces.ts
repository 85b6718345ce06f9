import { native } from './native.js';

/** A network interface as the kernel has it now. */
export interface NetworkInterface {
  readonly name: string;
  readonly ifindex: number;
  /** Administratively up, and with a carrier where the device knows of one. */
  readonly up: boolean;
  /** Usable ones: no IPv6 address that duplicate address detection still checks, or refused. */
  readonly addresses: readonly InterfaceAddress[];
}

export interface InterfaceAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly scope: 'global' | 'site' | 'link' | 'host' | 'other';
}

/**
 * Every interface of a network namespace, by rising ifindex (rtnetlink(7)).
 *
 * @param netns path of the namespace's file; default: the thread's own.
 * @throws SystemError when the namespace or the kernel refuses.
 */
export function networkInterfaces(netns?: string): NetworkInterface[] {
  return native.interfaces(netns);
}
