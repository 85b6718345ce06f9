/** Makes a failing history smaller as long as it fails in the same way: what is left is what matters. */
import type { History } from './history.js';
import { runHistory, type Violation } from './run-history.js';

const MOST_RUNS = 250;

export function shrink(history: History, kind: Violation['kind']): History {
  let runs = 0;
  let smallest = history;
  const fails = (candidate: History) =>
    runs++ < MOST_RUNS && runHistory(candidate).violations.some((violation) => violation.kind === kind);
  for (let progress = true; progress && runs < MOST_RUNS; ) {
    progress = false;
    for (const candidate of smaller(smallest)) {
      if (!fails(candidate)) continue;
      smallest = candidate;
      progress = true;
      break;
    }
  }
  return smallest;
}

/** Bigger cuts first. */
function* smaller(history: History): Generator<History> {
  const { steps, traffic, links } = history;
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= steps.length; at += size) {
      yield { ...history, steps: [...steps.slice(0, at), ...steps.slice(at + size)] };
    }
  }
  for (const flow of traffic) {
    if (traffic.length > 1) yield { ...history, traffic: traffic.filter((other) => other !== flow) };
  }
  for (const { name } of links) {
    if (links.length < 2) break;
    const rest = links.filter((link) => link.name !== name);
    yield { ...history, links: rest, steps: steps.filter((step) => !('link' in step) || step.link !== name) };
  }
  const lastUs = steps.at(-1)?.atUs ?? 0;
  if (history.durationUs > lastUs + 4_000_000) yield { ...history, durationUs: lastUs + 4_000_000 };
}
