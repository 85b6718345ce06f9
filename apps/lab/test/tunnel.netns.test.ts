/** The whole lab with real tunnels: runs `check`, the lab's own walk through everything, and judges its report. */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport } from '../src/commands/check.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lab-check-'));
let report: CheckReport;

beforeAll(async () => {
  const file = join(folder, 'check.json');
  // The exit code repeats the report's verdict; the expectations below say which part of it failed.
  await promisify(execFile)(process.execPath, [MAIN, 'check', '--json', file]).catch((error) => {
    if (error.stderr !== '') throw error;
  });
  report = JSON.parse(readFileSync(file, 'utf8'));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the lab with a tunnel over three links', () => {
  it('answers pings through the tunnel, IPv4 and IPv6', () => {
    expect(report.pings.map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('carries files both ways, byte by byte, while the active link is cut', () => {
    expect(report.streams.map(({ equal }) => equal)).toEqual([true, true, true, true]);
  });

  it('moves the traffic to another link and loses no packet of the vital signs', () => {
    expect(report.activeDuring).not.toBe(report.activeBefore);
    for (const flow of report.flows) expect(flow).toMatchObject({ lost: 0 });
    for (const flow of report.flows) expect(flow.sent).toBeGreaterThan(50);
  });

  it('leaves nothing behind', () => {
    expect(report.leftBehind).toEqual([]);
  });
});

/** Processes that carry a mark in their environment, whichever namespace they live in. */
function processesWith(mark: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/environ`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

describe('a lab that is killed', () => {
  it('takes its tunnels, helpers and namespaces with it', async () => {
    const mark = `CORRIDOR_TEST_MARK=${randomUUID()}`;
    const [key, value] = mark.split('=');
    const lab = spawn(process.execPath, [MAIN, 'check'], { stdio: 'ignore', env: { ...process.env, [key]: value } });
    // Outside node, setpriv/unshare, inside node, gateway and vehicle.
    await until(() => processesWith(mark).length >= 5);
    lab.kill('SIGKILL');
    await until(() => processesWith(mark).length === 0);
    expect(processesWith(mark)).toEqual([]);
  });
});
