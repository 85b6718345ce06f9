import { Socket } from 'node:net';
import { native } from './native.js';

export interface StreamOptions {
  readonly family: 4 | 6;
  /** Binds to this device (SO_BINDTODEVICE): routing tables choose among its routes only. */
  readonly device?: string | undefined;
  /** Path of a network namespace file in which the socket is opened. */
  readonly netns?: string | undefined;
}

/**
 * A TCP socket of Node's that is bound to a device and not connected yet: call `connect` with an address of the same
 * family, not with a name. Node itself can bind to addresses only.
 *
 * @throws SystemError (ENODEV when the device does not exist, EPERM, ...)
 */
export function openStreamSocket({ family, device, netns }: StreamOptions): Socket {
  const fd = native.openStream(family, device, netns);
  // Not to be read before it is connected: Node does that at once where it is given a descriptor, unless told otherwise.
  const options: ConstructorParameters<typeof Socket>[0] & { manualStart: boolean } = { fd, manualStart: true };
  return new Socket(options);
}

/**
 * Keeps the queue of a connected TCP (or TLS) socket out of the kernel, where nobody can count it, and lets a dead
 * connection end soon (tcp(7): TCP_NOTSENT_LOWAT, TCP_USER_TIMEOUT).
 *
 * @param notSentBytes unsent bytes that the kernel takes at most
 * @param userTimeoutMs how long sent bytes may stay without acknowledgement
 * @returns false where there is no TCP socket under it, such as behind a proxy on a unix socket
 */
export function tuneStreamSocket(socket: object, notSentBytes: number, userTimeoutMs: number): boolean {
  const fd = (socket as { _handle?: { fd?: number } | null })._handle?.fd;
  return typeof fd === 'number' && fd >= 0 && native.tuneStream(fd, notSentBytes, userTimeoutMs);
}
