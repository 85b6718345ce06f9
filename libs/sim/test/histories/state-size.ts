/** How much an engine remembers: everything that can be reached from it, counted, as a whole and table by table. */

interface Table {
  size: number;
  readonly isBytes: boolean;
}

export interface StateSize {
  /** Of typed arrays and buffers. */
  readonly bytes: number;
  /** Objects, and entries of maps, sets and arrays. */
  readonly entries: number;
  /**
   * Each table as `Class.field`, all objects of the class together: entries of maps, sets and arrays, bytes of typed arrays.
   * Private fields in the sense of JavaScript (the classifier's rules, what handshakes remember) are out of reach.
   */
  readonly tables: ReadonlyMap<string, Table>;
}

export function stateSize(root: object): StateSize {
  const seen = new Set<object>([root]);
  const stack: object[] = [root];
  const tables = new Map<string, Table>();
  let bytes = 0;
  let entries = 0;
  const visit = (value: unknown) => {
    if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value);
      stack.push(value);
    }
  };
  for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
    entries++;
    if (ArrayBuffer.isView(one)) {
      if (!seen.has(one.buffer)) bytes += one.buffer.byteLength;
      seen.add(one.buffer);
    } else if (one instanceof ArrayBuffer) bytes += one.byteLength;
    else if (one instanceof Map) {
      entries += one.size;
      for (const [key, value] of one) {
        visit(key);
        visit(value);
      }
    } else if (one instanceof Set) {
      entries += one.size;
      for (const value of one) visit(value);
    } else {
      if (Array.isArray(one)) entries += one.length;
      for (const [key, value] of Object.entries(one)) {
        visit(value);
        const size = Array.isArray(one) ? -1 : sizeOf(value);
        if (size < 0) continue;
        const name = `${one.constructor?.name ?? 'Object'}.${key}`;
        const table = tables.get(name);
        if (table === undefined) tables.set(name, { size, isBytes: ArrayBuffer.isView(value) });
        else table.size += size;
      }
    }
  }
  return { bytes, entries, tables };
}

function sizeOf(value: unknown): number {
  if (value instanceof Map || value instanceof Set) return value.size;
  if (Array.isArray(value)) return value.length;
  return ArrayBuffer.isView(value) ? value.byteLength : -1;
}

/** The largest that a table may be at any time: entries of maps, sets and arrays, bytes of typed arrays. */
const MOST_ENTRIES = 128;
const MOST_BYTES = 65_536;

/** Slabs, made once and seen from several places; and what repairs cover, 256 packets of 2 kB for each engine. */
const LARGER: Readonly<Record<string, number>> = {
  'Vehicle.sendSlab': 4 << 20,
  'Gateway.sendSlab': 4 << 20,
  'SendSlots.slab': 4 << 20,
  'Outgoing.packetSlab': 4 << 20,
  'Vehicle.receiveSlab': 16 << 20,
  'Gateway.receiveSlab': 16 << 20,
  'Inbound.slab': 16 << 20,
  'ReorderPool.slab': 16 << 20,
  'ReorderPool.keeper': 4096,
  'Inbound.epochs': 4096,
  'VehicleHandshaking.indices': 8,
  // Chunks of datagrams point into the send slab, or have one of 128 kB.
  'Chunk.slab': 16 << 20,
  'DatagramOutbox.bytes': 1 << 20,
  'KeptPackets.bytes': 1 << 20,
  'SymbolPool.slab': 256 << 10,
  'SentLog.sentAtUs': 256 << 10,
  'SentLog.slot': 128 << 10,
  'SentLog.generation': 128 << 10,
};

/** Nothing is under way when a tunnel rests: in none of these may anything be left. */
const EMPTY_AT_REST = [
  'Announcements.waiting',
  'Core.events',
  'Core.retiredKeys',
  'KeptPackets.bytes',
  'Liveness.postponed',
  'Outgoing.raw',
  'PathValidation.attempts',
  'PolicyReceiver.chunks',
  'RepairDecoder.flows',
  'RepairEncoder.byFlow',
  'RepairEncoder.flows',
  'Routes.closing',
];

/**
 * Attempts to shake hands that nobody waits for any more. While some run it is at rest, too: links that go on losing packets may
 * fall silent together for a moment.
 */
export function attemptsLeft(engine: object): number {
  return findByClass(engine, 'VehicleHandshaking')
    .filter(({ reason }) => reason === undefined)
    .reduce((sum, { indices }) => sum + (indices as number[]).length, 0);
}

/** Tables that are larger than they may be. */
export function tooLarge(tables: StateSize['tables'], atRest: boolean): string[] {
  const faults: string[] = [];
  for (const [name, { size, isBytes }] of tables) {
    const most = atRest && EMPTY_AT_REST.includes(name) ? 0 : (LARGER[name] ?? (isBytes ? MOST_BYTES : MOST_ENTRIES));
    if (size > most) faults.push(`${name} has ${size}, ${most} at most`);
  }
  return faults;
}

/** The objects of a class that can be reached. @throws when there is none: it was renamed. */
export function findByClass(root: object, name: string): Record<string, unknown>[] {
  const seen = new Set<object>([root]);
  const stack: object[] = [root];
  const found: Record<string, unknown>[] = [];
  for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
    if (one.constructor?.name === name) found.push(one as Record<string, unknown>);
    if (ArrayBuffer.isView(one)) continue;
    const values = one instanceof Map ? one.values() : one instanceof Set ? one : Object.values(one);
    for (const value of values) {
      if (typeof value !== 'object' || value === null || seen.has(value)) continue;
      seen.add(value);
      stack.push(value);
    }
  }
  if (found.length === 0) throw new Error(`no ${name} can be reached`);
  return found;
}
