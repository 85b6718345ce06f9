/**
 * What has waited too long for the paths of its plan goes over any other that still brings it in time. A plan says where
 * packets should go; a path that has become too slow for its class, and is not silent, would keep them until their deadline.
 */
import { OVERHEAD_BYTES } from '@corridor/wire';
import type { Clock } from './clock.js';
import { LATE_AVOIDED_SHARE, LATE_SHARE } from './constants.js';
import { TCP_FLOW } from './flow-hash.js';
import type { Path } from './path.js';
import { betterForControl, type Execution } from './scheduler.js';
import type { SendSlots } from './send-slots.js';

/** Whether a packet has used up so much of its deadline that it must not wait for its plan any longer. */
export function isLate(slots: SendSlots, slot: number, execution: Execution, clock: Clock): boolean {
  return clock.nowUs - slots.heldSinceUs[slot] > LATE_SHARE * execution.rules.deadlineUs;
}

/**
 * The best path that is up and has room for a late packet, whatever its plan says. One that its class avoids is taken later,
 * and not for TCP, which adapts to the paths that it may use; one whose data cap is reached, never.
 */
export function pickForLate(
  paths: readonly Path[],
  slots: SendSlots,
  slot: number,
  execution: Execution,
  clock: Clock,
): Path | undefined {
  const mayBeAvoided =
    (slots.flow[slot] & TCP_FLOW) === 0 &&
    clock.nowUs - slots.heldSinceUs[slot] > LATE_AVOIDED_SHARE * execution.rules.deadlineUs;
  return pickAny(paths, slots, slot, execution, mayBeAvoided ? execution.capped : execution.avoided, clock);
}

/** The best path that is up and has room, but for those of `excluded`, see `Path.bit`. */
export function pickAny(
  paths: readonly Path[],
  slots: SendSlots,
  slot: number,
  execution: Execution,
  excluded: number,
  clock: Clock,
): Path | undefined {
  const length = slots.length[slot];
  let best: Path | undefined;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i];
    if (!path.usable || path.state !== 'up' || (path.bit & excluded) !== 0 || !path.fits(length)) continue;
    if (best !== undefined && !betterForControl(path, best)) continue;
    if (hasRoom(path, execution, length, clock)) best = path;
  }
  return best;
}

/** Whether a path takes an inner packet of so many bytes now. */
export function hasRoom({ congestion }: Path, { rules }: Execution, length: number, clock: Clock): boolean {
  const bytes = length + OVERHEAD_BYTES;
  return congestion.maySend(bytes, clock) || (rules.urgent && congestion.mayOverdraw(bytes, clock));
}
