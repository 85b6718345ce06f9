import type { PacketBatchLike } from '../src/index.js';

export const SLOT = 2048;
export const HEADROOM = 64;

/** A slab whose slots are all lent, with the batch that lends them. */
export function makeSlab(slots: number): { slab: Uint8Array; batch: PacketBatchLike } {
  const batch = {
    count: 0,
    capacity: slots,
    offset: Int32Array.from({ length: slots }, (_, slot) => slot * SLOT + HEADROOM),
    length: new Int32Array(slots),
    group: new Int32Array(slots),
  };
  return { slab: new Uint8Array(slots * SLOT), batch };
}

/** Copies packets into the first slots. */
export function fillSlab(slab: Uint8Array, batch: PacketBatchLike, packets: readonly Uint8Array[]): void {
  packets.forEach((packet, slot) => {
    slab.set(packet, batch.offset[slot]);
    batch.length[slot] = packet.length;
  });
  batch.count = packets.length;
}

/** Copies of the packets of a batch. */
export function takeSlab(slab: Uint8Array, batch: PacketBatchLike, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => slab.slice(batch.offset[i], batch.offset[i] + batch.length[i]));
}
