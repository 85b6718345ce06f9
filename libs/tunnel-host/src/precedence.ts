import { setPriority } from 'node:os';

/** "Nice" value of the thread that moves packets. */
const NICE = -10;

/**
 * Puts the calling thread before those that do not move packets (this process's main thread, the rest of the machine),
 * where the system grants it: by CAP_SYS_NICE, or by RLIMIT_NICE as the systemd unit sets it.
 *
 * @returns whether it was granted
 */
export function takePrecedence(): boolean {
  try {
    // 0 is the caller, and on Linux the value is the thread's own.
    setPriority(0, NICE);
    return true;
  } catch {
    return false;
  }
}
