/** The cases of `cases.ts`, and recorded drives where they lie beside the repository (../shared/traces). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseMahimahi } from '../../src/index.js';
import { type Bounds, congestionCases } from './cases.js';
import { type RunResult, type RunSpec, run } from './run.js';

const traces = fileURLToPath(new URL('../../../../../shared/traces', import.meta.url));
const isPrinting = process.env.CORRIDOR_TABLE === '1';

describe('congestion control', () => {
  for (const { name, spec, bounds } of congestionCases) {
    it(name, () => {
      check(name, run(spec), bounds);
    });
  }

  it('gives the same answer to the same seed', () => {
    const spec: RunSpec = { ...congestionCases[5].spec, seconds: 6, fromSeconds: 2, seed: 9 };
    expect(figures(run(spec))).toEqual(figures(run(spec)));
  });
});

describe.skipIf(!existsSync(traces))('congestion control on recorded drives', () => {
  const names = existsSync(traces) ? readdirSync(traces).filter((name) => /\.(up|down)$/.test(name)) : [];
  it.each(names)('%s', (name) => {
    const traceMs = parseMahimahi(readFileSync(join(traces, name), 'utf8'));
    const seconds = 120;
    const fromSeconds = 5;
    const offered = traceMs.filter((ms) => ms >= fromSeconds * 1e3 && ms < seconds * 1e3).length;
    const result = run({
      seconds,
      fromSeconds,
      link: { traceMs, delayUs: 20_000, queueBytes: 1_500_000 },
      flows: [{ backUs: 20_000, backJitterUs: 3_000, timerLateUs: 200, packetBytes: 1_450, vitalEveryUs: 20_000 }],
    });
    // The slowest of them has 78 s without any opportunity, and 1 Mbit/s else: one packet there is 12 ms.
    const share = name.startsWith('ATT-LTE-driving.up') ? 0.5 : 0.75;
    check(name, result, { offeredBps: (offered * 12_000) / (seconds - fromSeconds), share, medianMs: 40 });
  });
});

function check(name: string, result: RunResult, bounds: Bounds): void {
  const [first] = result.flows;
  if (isPrinting) print(name, result, bounds);
  if (bounds.share !== undefined) {
    expect(result.totalBps / (bounds.offeredBps as number), 'share of what the link carries').toBeGreaterThan(
      bounds.share,
    );
  }
  if (bounds.fair !== undefined) {
    expect(first.rateBps / result.totalBps, "the first flow's share").toBeGreaterThan(bounds.fair[0]);
    expect(first.rateBps / result.totalBps, "the first flow's share").toBeLessThan(bounds.fair[1]);
  }
  if (bounds.vitalMs !== undefined) {
    expect(first.flow.vitalDelaysUs.length).toBeGreaterThan(50);
    expect(first.vitalUs.p99 / 1e3, 'p99 of vital signs, ms').toBeLessThan(bounds.vitalMs);
  }
  if (bounds.medianMs !== undefined) expect(first.delayUs.p50 / 1e3, 'median delay, ms').toBeLessThan(bounds.medianMs);
  if (bounds.loss !== undefined) expect(first.lossRatio, 'loss').toBeLessThanOrEqual(bounds.loss);
  if (bounds.waitMs !== undefined) expect(first.waitUs.p99 / 1e3, 'p99 of the wait, ms').toBeLessThan(bounds.waitMs);
}

function figures(result: RunResult): unknown {
  return { ...result, flows: result.flows.map(({ flow: _, ...rest }) => rest) };
}

function print(name: string, result: RunResult, bounds: Bounds): void {
  const [first] = result.flows;
  const ms = ({ p50, p95, p99 }: { p50: number; p95: number; p99: number }) =>
    Number.isNaN(p50) ? '' : [p50, p95, p99].map((us) => (us / 1e3).toFixed(1)).join(' / ');
  const share = bounds.offeredBps === undefined ? '' : `${((100 * result.totalBps) / bounds.offeredBps).toFixed(1)} %`;
  const own = bounds.fair === undefined ? '' : `${((100 * first.rateBps) / result.totalBps).toFixed(0)} % of it`;
  const cells = [name, `${(first.rateBps / 1e6).toFixed(2)}`, share, own, `${(100 * first.lossRatio).toFixed(2)} %`];
  process.stdout.write(`| ${[...cells, ms(first.delayUs), ms(first.vitalUs), ms(first.waitUs)].join(' | ')} |\n`);
}
