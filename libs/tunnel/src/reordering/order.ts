/** The lists of a flow's kept packets, by sequence and by arrival, woven through the pool's slots. */
import { type FlowTable, HINTS } from './flow-table.js';
import { NONE, type ReorderPool } from './pool.js';

/** Puts `slot`, the flow's newest packet, where it belongs. */
export function insert(table: FlowTable, pool: ReorderPool, record: number, slot: number): void {
  const newest = table.newest[record];
  pool.older[slot] = newest;
  pool.newer[slot] = NONE;
  if (newest === NONE) table.oldest[record] = slot;
  else pool.newer[newest] = slot;
  table.newest[record] = slot;
  // Holds have sixteen values, so this walks far only when a class's hold has just become shorter.
  for (let i = newest; i !== NONE && pool.untilUs[i] > pool.untilUs[slot]; i = pool.older[i]) {
    pool.untilUs[i] = pool.untilUs[slot];
  }
  const before = placeBefore(table, pool, record, slot);
  const after = before === NONE ? table.first[record] : pool.after[before];
  pool.before[slot] = before;
  pool.after[slot] = after;
  if (before === NONE) table.first[record] = slot;
  else pool.after[before] = slot;
  if (after === NONE) table.last[record] = slot;
  else pool.before[after] = slot;
  table.kept[record]++;
}

/** Takes out the flow's first packet by sequence. */
export function removeFirst(table: FlowTable, pool: ReorderPool, record: number, slot: number): void {
  const after = pool.after[slot];
  table.first[record] = after;
  if (after === NONE) table.last[record] = NONE;
  else pool.before[after] = NONE;
  const older = pool.older[slot];
  const newer = pool.newer[slot];
  if (older === NONE) table.oldest[record] = newer;
  else pool.newer[older] = newer;
  if (newer === NONE) table.newest[record] = older;
  else pool.older[newer] = older;
  if (--table.kept[record] === 0) table.endWaiting(record);
}

/**
 * The kept packet that comes right before `sequence`, or {@link NONE}. What a path brings follows what it brought
 * before, so the places where packets came in last, one for each path, are good starts for the search.
 */
function placeBefore(table: FlowTable, pool: ReorderPool, record: number, slot: number): number {
  const { sequence } = pool;
  const wanted = sequence[slot];
  const last = table.last[record];
  if (last === NONE || ((wanted - sequence[last]) | 0) > 0) return last;
  const first = table.first[record];
  let start = last;
  let apart = (sequence[last] - wanted) | 0;
  const fromFirst = (wanted - sequence[first]) | 0;
  if (fromFirst < 0) return NONE;
  if (fromFirst < apart) {
    start = first;
    apart = fromFirst;
  }
  let place = NONE;
  for (let i = record * HINTS; i < (record + 1) * HINTS; i++) {
    const hint = table.hints[i];
    // The packet there may be gone, and another flow's there now.
    if (hint === slot || pool.keeper[hint] !== pool.keeper[slot] || pool.flow[hint] !== record) continue;
    const distance = Math.abs((wanted - sequence[hint]) | 0);
    if (distance >= apart) continue;
    start = hint;
    apart = distance;
    place = i;
  }
  if (place === NONE) place = record * HINTS + (table.nextHint[record]++ & (HINTS - 1));
  table.hints[place] = slot;
  return walk(pool, start, wanted);
}

/** From any kept packet of a flow to the last one before `wanted`; there is one. */
function walk(pool: ReorderPool, start: number, wanted: number): number {
  const { sequence, before, after } = pool;
  let at = start;
  while (((sequence[at] - wanted) | 0) > 0) at = before[at];
  for (let next = after[at]; next !== NONE && ((wanted - sequence[next]) | 0) > 0; next = after[at]) at = next;
  return at;
}
