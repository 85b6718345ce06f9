/**
 * Random histories of a tunnel against a reference model (histories/reference-model.ts): paths come and go, lose,
 * reorder and duplicate, change addresses and NAT mappings, are blocked by drills; policies switch, keys are renewed,
 * the gateway restarts. SIM_HISTORIES=10000 runs that many; SIM_HISTORY_SEED=7 runs that one and shrinks what fails.
 */
import { describe, expect, it } from 'vitest';
import { randomHistory } from './histories/history.js';
import { runHistory } from './histories/run-history.js';
import { shrink } from './histories/shrink.js';

const COUNT = Number(process.env.SIM_HISTORIES ?? 150);
const ONE = process.env.SIM_HISTORY_SEED;
const SHRINKS = process.env.SIM_HISTORY_SHRINK !== '0';
const FIRST = Number(process.env.SIM_HISTORY_FIRST ?? 1);
const SEEDS = ONE === undefined ? Array.from({ length: COUNT }, (_, index) => FIRST + index) : [Number(ONE)];

describe('random histories', () => {
  it('deliver every packet once, unchanged, in time whenever a path could, and leave nothing behind', () => {
    const total = { sent: 0, owed: 0, delivered: 0, bytes: 0, entries: 0 };
    const failed: string[] = [];
    for (const seed of SEEDS) {
      const history = randomHistory(seed);
      const result = runHistory(history);
      total.sent += result.sent;
      total.owed += result.owed;
      total.delivered += result.delivered;
      total.bytes = Math.max(total.bytes, result.bytes);
      total.entries = Math.max(total.entries, result.entries);
      if (result.violations.length === 0) continue;
      const [first] = result.violations;
      const kinds = [...new Set(result.violations.map(({ kind }) => kind))].join(', ');
      failed.push(
        `seed ${seed}: ${result.violations.length} violations (${kinds}), first: ${first.kind}: ${first.what}; ` +
          `engines count ${JSON.stringify(result.counters)}`,
      );
      if (failed.length === 1 && SHRINKS) {
        const shortest = shrink(history, first.kind);
        const left = runHistory(shortest).violations.slice(0, 5);
        failed.push(
          `shortest failing history of seed ${seed}: ${JSON.stringify(shortest)}\n${JSON.stringify(left, null, 1)}`,
        );
      }
    }
    console.log(
      `${SEEDS.length} histories: ${total.sent} packets, ${total.owed} of them owed, ${total.delivered} delivered; ` +
        `largest engine at rest ${total.bytes} bytes, ${total.entries} entries`,
    );
    expect(failed.join('\n')).toBe('');
    // A model that demands nothing proves nothing.
    if (SEEDS.length >= 100) expect(total.owed / total.sent).toBeGreaterThan(0.4);
  }, 3_600_000);
});
