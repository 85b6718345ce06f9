import { readFileSync } from 'node:fs';

/** Whether a process exists (a zombie does not). */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
}

/** When a process began, in the kernel's ticks since boot: with its id, its name for all time. Empty when it is gone. */
export function processStart(pid: number): string {
  return statOf(pid)?.start ?? '';
}

/**
 * Whether `pid` is the PostgreSQL server of a cluster: by its command line, which shows in every user namespace (its
 * working directory does not).
 */
export function isServerOf(pid: number, cluster: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return isAlive(pid) && words.some((word, index) => word === '-D' && words[index + 1] === cluster);
  } catch {
    return false;
  }
}

/** Fields 3 and 22 of /proc/<pid>/stat, proc(5); the name before them may hold blanks and parentheses. */
function statOf(pid: number): { state: string; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, start: fields[19]! };
  } catch {
    return undefined;
  }
}
