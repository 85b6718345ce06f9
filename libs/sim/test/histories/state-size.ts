/** How much an engine remembers: everything that can be reached from it, counted. */

export interface StateSize {
  /** Of typed arrays and buffers. */
  readonly bytes: number;
  /** Objects, and entries of maps, sets and arrays. */
  readonly entries: number;
}

export function stateSize(root: object): StateSize {
  const seen = new Set<object>();
  const stack: object[] = [root];
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
      for (const key of Object.keys(one)) visit((one as Record<string, unknown>)[key]);
    }
  }
  return { bytes, entries };
}

/** The first object of a class that can be reached. @throws when there is none: it was renamed. */
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
  return found;
}
