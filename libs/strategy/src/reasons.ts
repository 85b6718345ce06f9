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
  if (path === undefined) return 'the path in use is gone or to be avoided again';
  switch (path.state) {
    case 'suspect':
      return `${path.name} went silent`;
    case 'gated':
      return `${path.name} has to prove itself first`;
    case 'down':
      return `${path.name} is down`;
    case 'up':
      return undefined;
  }
}

/** Reason for sending copies on `chosen` from now on. */
export function copiesReason(request: PlanRequest, chosen: readonly PathSnapshot[]): string {
  const names = chosen.map((path) => path.name).join(', ');
  const before = request.current?.paths;
  if (before === undefined) return `copies on ${names}`;
  const left = before.filter((id) => !chosen.some((path) => path.id === id)).map((id) => whyLeft(request, id));
  const why = left.find((reason) => reason !== undefined);
  if (why !== undefined) return `${why}, copies on ${names}`;
  const joined = chosen.filter((path) => !before.includes(path.id));
  if (joined.length > 0)
    return `${joined.map((path) => `${path.name} joined (${describe(path)})`).join(', ')}, copies on ${names}`;
  return `copies on ${names}, best first`;
}

/** What a strategy says of its own judgement. */
export interface Judgement {
  /** Why traffic moves from a healthy path to another one, as what `next` is. */
  whyBetter(next: PathSnapshot, previous: PathSnapshot): string;
  /** Why a healthy path is left out, as what it is or does; undefined when it is not. */
  whyNot(id: number): string | undefined;
}

/**
 * Reason for sharing a class over `chosen`, the first of them before the others.
 * @param how what the others are for, such as `for what it cannot carry`
 */
export function sharedReason(
  request: PlanRequest,
  chosen: readonly PathSnapshot[],
  how: string,
  judgement: Judgement,
): string {
  const [first, ...others] = chosen;
  const before = request.current?.paths;
  const rest = others.length === 0 ? '' : `; ${others.map((path) => path.name).join(', ')} ${how}`;
  if (before === undefined || before[0] !== first.id) {
    return `${singleReason(request, first, (previous) => judgement.whyBetter(first, previous))}${rest}`;
  }
  const nameOf = (id: number) => request.paths.find((path) => path.id === id)?.name ?? 'a path that is gone';
  const left = before.filter((id) => !chosen.some((path) => path.id === id));
  const changes = [
    ...left.map((id) => whyLeft(request, id) ?? `${nameOf(id)} ${judgement.whyNot(id) ?? 'is not used any more'}`),
    ...chosen.filter((path) => !before.includes(path.id)).map((path) => `${path.name} joined (${describe(path)})`),
  ];
  return `${changes.length > 0 ? changes.join(', ') : `${first.name} goes first`}${rest}`;
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
