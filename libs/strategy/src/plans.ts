import { singleReason } from './reasons.js';
import type { PathSnapshot, Plan, PlanRequest } from './sdk.js';
import type { RankedPath } from './steady-ranking.js';

/**
 * The plan of a strategy that sends on one path at a time: `order` best first. Keeps the plan in force when the order
 * is the same, and its reason when only the order of retreat changed.
 */
export function singlePlan(
  request: PlanRequest,
  order: readonly RankedPath[],
  whyBetter: (next: PathSnapshot, previous: PathSnapshot) => string,
): Plan {
  const { current } = request;
  const paths = order.map((ranked) => ranked.path.id);
  const keepsPath = current?.mode === 'single' && current.paths[0] === paths[0];
  if (keepsPath && samePaths(current.paths, paths)) return current;
  const next = order[0].path;
  const reason = keepsPath ? current.reason : singleReason(request, next, (previous) => whyBetter(next, previous));
  return { mode: 'single', paths, reason };
}

/** The same ids in the same order. */
export function samePaths(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

/** Whether two plans send in the same way, whatever their reasons. */
export function samePlan(a: Plan, b: Plan): boolean {
  return (
    a.mode === b.mode &&
    samePaths(a.paths, b.paths) &&
    a.copies === b.copies &&
    a.repair === b.repair &&
    a.preferUs === b.preferUs &&
    a.pinned === b.pinned &&
    samePaths(a.weights ?? [], b.weights ?? [])
  );
}

/** `next`, or the plan in force when that sends in the same way. */
export function keepSame(current: Plan | undefined, next: Plan): Plan {
  return current !== undefined && samePlan(current, next) ? current : next;
}
