/** The whole lab with real tunnels: runs `check`, the lab's own walk through everything, and judges its report. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport } from '../src/commands/check.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'corridor-lab-'));
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
