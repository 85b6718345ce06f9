/**
 * Errors of packet-io. What the network or the kernel does to packets is counted and never thrown; these are for
 * misuse (codes below, stable) and for system calls that failed while something was opened: those carry the errno's
 * name as `code` ("EPERM"), `errno` and `syscall`, as Node's own do.
 */
export type PacketIoErrorCode =
  | 'ERR_BAD_ARGUMENT' // wrong type or value of an argument
  | 'ERR_OUT_OF_BOUNDS' // an entry of a batch points outside its buffer
  | 'ERR_CLOSED' // used after close()
  | 'ERR_UNKNOWN_KEY' // an AEAD handle that addKey did not give out, or that was dropped
  | 'ERR_ADDON_MISSING'; // the native addon is not built, or was built for another machine

/** A system error thrown by an `open`. */
export interface SystemError extends Error {
  /** Name of the errno, "EPERM". */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

/** Misuse found on the TypeScript side; native code throws plain errors with the same codes. */
export class PacketIoError extends Error {
  override readonly name = 'PacketIoError';
  constructor(
    readonly code: PacketIoErrorCode,
    message: string,
  ) {
    super(message);
  }
}
