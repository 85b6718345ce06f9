/** CPU time as the kernel counts it, from /proc. */
import { readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 in the interface to user space on every architecture that Linux runs Node on. */
const TICKS_PER_SECOND = 100;

/** User and system time of processes with all their threads, seconds; a process that is gone counts 0. */
export function processSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      ticks += statTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      // Gone, and its time with it.
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** utime + stime of a line of /proc/PID/stat (proc(5)); the name in parentheses may hold anything. */
export function statTicks(line: string): number {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Busy time of the whole machine: everything but idle and waiting for disks, seconds. */
export function machineSeconds(): number {
  return busyTicks(readFileSync('/proc/stat', 'utf8')) / TICKS_PER_SECOND;
}

/** user + nice + system + irq + softirq + steal of the first line of /proc/stat. */
export function busyTicks(text: string): number {
  const [user, nice, system, , , irq, softirq, steal] = (text.split('\n')[0] as string)
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0);
}

/** Resident memory, bytes. @throws Error when the process is gone. */
export function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`process ${pid} has no memory: it ended`);
  return Number(match[1]) * 1024;
}
