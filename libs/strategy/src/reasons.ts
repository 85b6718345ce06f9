/** Reasons of path switches in words for dispatchers. */
import type { PathSnapshot, PlanRequest } from './sdk.js';
import { sendDelayUs } from './steady-ranking.js';

/** `priority 2, 30 ms`, and `metered` where it is. */
export function describe(path: PathSnapshot): string {
  const delay = path.rttUs === 0 ? 'not measured yet' : milliseconds(sendDelayUs(path));
  return `priority ${path.priority}, ${delay}${path.metered ? ', metered' : ''}`;
}

/** `30 ms`; below 10 ms with one decimal. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}

/** Why the path that carried traffic lost it; undefined when it is still up, so that something better must have come. */
export function whyLeft(request: PlanRequest, id: number): string | undefined {
  const path = request.paths.find((candidate) => candidate.id === id);
  if (path === undefined) return 'the path in use is gone';
  switch (path.state) {
    case 'suspect':
      return `${path.name} went silent`;
    case 'gated':
      return `${path.name} has to prove itself again`;
    case 'down':
      return `${path.name} is down`;
    case 'up':
      return undefined;
  }
}

/** Reason for a single-path strategy to send on `next` from now on. `whyBetter` explains a move away from a healthy path. */
export function singleReason(
  request: PlanRequest,
  next: PathSnapshot,
  whyBetter: (previous: PathSnapshot) => string,
): string {
  const previousId = request.current?.paths[0];
  if (previousId === undefined) return `${next.name} is first (${describe(next)})`;
  const left = whyLeft(request, previousId);
  if (left !== undefined) return `${left}, ${next.name} is next (${describe(next)})`;
  if (previousId === next.id) return `${next.name} goes on alone (${describe(next)})`;
  const previous = request.paths.find((path) => path.id === previousId) as PathSnapshot;
  return `${next.name} ${whyBetter(previous)}`;
}
