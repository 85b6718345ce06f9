import type { PathSnapshot } from './sdk.js';

/** Kinds of paths that a class may be told to avoid. */
export type AvoidedPaths = 'metered' | 'roaming' | 'capped';

/**
 * The paths that a strategy gets to see when its class avoids some: those without any avoided kind while one of them is up.
 * When none is, the kinds are given up one after the other, the last of `avoid` first, so that what is avoided most
 * stands first in it; and in the end every path is allowed. Never empty when `paths` is not, and in the same order.
 */
export function allowedPaths(paths: readonly PathSnapshot[], avoid: readonly AvoidedPaths[]): readonly PathSnapshot[] {
  for (let kinds = avoid.length; kinds > 0; kinds--) {
    const allowed = paths.filter((path) => !isAvoided(path, avoid, kinds));
    if (allowed.some((path) => path.state === 'up')) return allowed;
  }
  return paths;
}

function isAvoided(path: PathSnapshot, avoid: readonly AvoidedPaths[], kinds: number): boolean {
  const is: Readonly<Record<AvoidedPaths, boolean>> = {
    metered: path.metered,
    roaming: path.roaming,
    capped: path.capReached,
  };
  return avoid.some((kind, index) => index < kinds && is[kind]);
}
