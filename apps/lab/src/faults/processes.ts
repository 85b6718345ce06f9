/** Processes of the sandbox, found in /proc: which PostgreSQL belongs to a gateway. */
import { readdirSync, readFileSync } from 'node:fs';

/** Every process below `root` whose name is `name`, parents before children. */
export function descendants(root: number, name: string): number[] {
  const children = new Map<number, number[]>();
  const names = new Map<number, string>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(Number(entry));
    if (stat === undefined) continue;
    names.set(Number(entry), stat.name);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  const visit = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      if (names.get(child) === name) found.push(child);
      visit(child);
    }
  };
  visit(root);
  return found;
}

/** Name and parent of a process (proc(5)); undefined when it ended meanwhile. */
function statOf(pid: number): { name: string; parent: number } | undefined {
  try {
    // The name stands in parentheses and may hold anything, parentheses as well.
    const match = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return match === null ? undefined : { name: match[1] as string, parent: Number(match[2]) };
  } catch {
    return undefined;
  }
}

/** Sends a signal to processes that may have ended by now. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended by itself.
    }
  }
}
