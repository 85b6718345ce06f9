/** Address prefixes and the longest-prefix match over them. */
import { formatIp, parseIp } from './address.js';

export interface Prefix {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, as written: bits beyond the prefix may be set, and do not count. */
  readonly address: Uint8Array;
  /** Bits that count. */
  readonly length: number;
}

/** Reads "10.77.0.0/24", "fd77::/64", or an address alone as the prefix of all its bits; undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const parts = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = parts === null ? undefined : parseIp(parts[1]);
  if (parts === null || address === undefined) return undefined;
  const bits = address.length * 8;
  const length = parts[2] === undefined ? bits : Number(parts[2]);
  if (length > bits || (parts[2] !== undefined && String(length) !== parts[2])) return undefined;
  return { family: bits === 32 ? 4 : 6, address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.address, 0, prefix.family)}/${prefix.length}`;
}

/** True when the address has bits beyond its prefix: an interface address such as 10.77.0.1/24, or a slip. */
export function hasHostBits(prefix: Prefix): boolean {
  for (let bit = prefix.length; bit < prefix.address.length * 8; bit++) {
    if ((prefix.address[bit >> 3] & (0x80 >> (bit & 7))) !== 0) return true;
  }
  return false;
}

/**
 * Prefixes of both families, each with a number. Looking up allocates nothing and costs one probe for each different
 * prefix length in the table, longest first; tables in use have few lengths.
 */
export class PrefixTable {
  readonly #v4 = new FamilyTable(1);
  readonly #v6 = new FamilyTable(4);

  /** Prefixes in the table. */
  get size(): number {
    return this.#v4.size + this.#v6.size;
  }

  /** @param value not negative; replaces the number of an equal prefix */
  insert(prefix: Prefix, value: number): void {
    this.#of(prefix.family).insert(prefix.address, prefix.length, value);
  }

  /** Answers whether it was there. */
  remove(prefix: Prefix): boolean {
    return this.#of(prefix.family).remove(prefix.address, prefix.length);
  }

  /** The number of the longest prefix that covers the address at `bytes[at]`, or -1. */
  lookup(family: number, bytes: Uint8Array, at: number): number {
    return family === 4 ? this.#v4.lookup(bytes, at) : this.#v6.lookup(bytes, at);
  }

  /** Likewise for the source address of the IP packet at `packet[at]`, whose header the caller has found whole. */
  lookupSource(packet: Uint8Array, at: number): number {
    return packet[at] >> 4 === 4 ? this.#v4.lookup(packet, at + 12) : this.#v6.lookup(packet, at + 8);
  }

  lookupDestination(packet: Uint8Array, at: number): number {
    return packet[at] >> 4 === 4 ? this.#v4.lookup(packet, at + 16) : this.#v6.lookup(packet, at + 24);
  }

  #of(family: 4 | 6): FamilyTable {
    return family === 4 ? this.#v4 : this.#v6;
  }
}

const EMPTY = -1;
const REMOVED = -2;

/** One hash table with open addressing for all prefix lengths of a family: the length is part of the key. */
class FamilyTable {
  readonly #words: number;
  size = 0;
  /** Slots that are not EMPTY. */
  #used = 0;
  #mask = 15;
  #keys: Int32Array;
  /** Prefix length of a slot, EMPTY or REMOVED. */
  #lengths: Int16Array;
  #values: Int32Array;
  /** Prefixes of each length, and the lengths that occur, longest first. */
  readonly #countOfLength: Int32Array;
  readonly #presentLengths: Int32Array;
  #presentCount = 0;
  /** The address looked for, cut to the length looked for. */
  readonly #probe = new Int32Array(4);

  constructor(words: number) {
    this.#words = words;
    this.#keys = new Int32Array(16 * words);
    this.#lengths = new Int16Array(16).fill(EMPTY);
    this.#values = new Int32Array(16);
    this.#countOfLength = new Int32Array(words * 32 + 1);
    this.#presentLengths = new Int32Array(words * 32 + 1);
  }

  lookup(bytes: Uint8Array, at: number): number {
    for (let i = 0; i < this.#presentCount; i++) {
      const length = this.#presentLengths[i];
      this.#cut(bytes, at, length);
      const slot = this.#find(length);
      if (slot >= 0) return this.#values[slot];
    }
    return -1;
  }

  insert(address: Uint8Array, length: number, value: number): void {
    this.#cut(address, 0, length);
    const slot = this.#find(length);
    if (slot >= 0) {
      this.#values[slot] = value;
      return;
    }
    if ((this.#used + 1) * 2 > this.#mask) {
      this.#rebuild();
      this.#cut(address, 0, length);
    }
    this.#place(length, value);
    this.size++;
    this.#countOfLength[length]++;
    this.#listLengths();
  }

  remove(address: Uint8Array, length: number): boolean {
    this.#cut(address, 0, length);
    const slot = this.#find(length);
    if (slot < 0) return false;
    this.#lengths[slot] = REMOVED;
    this.size--;
    this.#countOfLength[length]--;
    this.#listLengths();
    return true;
  }

  /** Puts the first `length` bits of the address at `bytes[at]` into the probe, as big-endian words. */
  #cut(bytes: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < this.#words; i++, at += 4) {
      const bits = length - i * 32;
      const word = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      this.#probe[i] = bits >= 32 ? word : bits <= 0 ? 0 : word & (-1 << (32 - bits));
    }
  }

  /** The slot of the probe with this length, or -1. */
  #find(length: number): number {
    for (let slot = this.#hash(length); this.#lengths[slot] !== EMPTY; slot = (slot + 1) & this.#mask) {
      if (this.#lengths[slot] === length && this.#equals(slot)) return slot;
    }
    return -1;
  }

  #place(length: number, value: number): void {
    let slot = this.#hash(length);
    while (this.#lengths[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
    for (let i = 0; i < this.#words; i++) this.#keys[slot * this.#words + i] = this.#probe[i];
    this.#lengths[slot] = length;
    this.#values[slot] = value;
    this.#used++;
  }

  #equals(slot: number): boolean {
    const at = slot * this.#words;
    for (let i = 0; i < this.#words; i++) if (this.#keys[at + i] !== this.#probe[i]) return false;
    return true;
  }

  #hash(length: number): number {
    let hash = length;
    for (let i = 0; i < this.#words; i++) {
      hash = Math.imul(hash ^ this.#probe[i], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }

  /** Leaves the removed slots behind and makes room for four times what is there. */
  #rebuild(): void {
    const keys = this.#keys;
    const lengths = this.#lengths;
    const values = this.#values;
    let capacity = 16;
    while (capacity < (this.size + 1) * 4) capacity *= 2;
    this.#mask = capacity - 1;
    this.#used = 0;
    this.#keys = new Int32Array(capacity * this.#words);
    this.#lengths = new Int16Array(capacity).fill(EMPTY);
    this.#values = new Int32Array(capacity);
    for (let slot = 0; slot < lengths.length; slot++) {
      if (lengths[slot] < 0) continue;
      for (let i = 0; i < this.#words; i++) this.#probe[i] = keys[slot * this.#words + i];
      this.#place(lengths[slot], values[slot]);
    }
  }

  #listLengths(): void {
    this.#presentCount = 0;
    for (let length = this.#countOfLength.length - 1; length >= 0; length--) {
      if (this.#countOfLength[length] > 0) this.#presentLengths[this.#presentCount++] = length;
    }
  }
}
