/** Results on disk: one JSON file a run, with what is needed to judge its figures later. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../../results/', import.meta.url));

/** A p99 that a quiet machine with two cores stays well below. */
const BUSY_MS = 1;

export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly system: string;
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e8) / 10,
    kernel: release(),
    node: process.versions.node,
    system: systemName(),
  };
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    return 'Linux';
  }
}

export function describeMachine(facts: MachineFacts): string {
  return `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGb} GB, ${facts.system}, Linux ${facts.kernel}, Node ${facts.node}`;
}

/** Whether the emulated links kept their times: a machine that is too busy is slower than the network it plays. */
export function latenessLine(lateUs: readonly number[]): string {
  if (lateUs.length === 0) return 'no link was measured';
  const worst = Math.max(...lateUs) / 1e3;
  const busy = worst > BUSY_MS ? ': the machine was too busy for exact figures' : '';
  return `packets left the links at most ${worst.toFixed(2)} ms late (p99 of the worst link)${busy}`;
}

/** Writes `results/NAME-TIME.json` and answers its path. */
export function writeResult(name: string, result: unknown): string {
  mkdirSync(FOLDER, { recursive: true });
  const at = new Date().toISOString();
  const path = `${FOLDER}${name}-${at.replace(/[:.]/g, '-')}.json`;
  writeFileSync(
    path,
    `${JSON.stringify({ bench: name, at, machine: machineFacts(), ...(result as object) }, null, 2)}\n`,
  );
  return path;
}
