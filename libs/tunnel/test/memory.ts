/** Bytes on the heap and in array buffers, after everything that is not referred to has been collected. */
export function memoryBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  // Twice: array buffers are freed after the collection that finds them dead.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
