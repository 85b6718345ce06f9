/** The golden vectors of libs/wire/vectors, typed, for tests. */
import { readFileSync } from 'node:fs';

export interface OuterVector {
  pathId: number;
  packetNumber: number;
  receiver: number;
  hex: string;
}

export interface InnerVector {
  kind: number;
  flags: number;
  flow: number;
  sequence: number;
  stamp: number;
  hex: string;
}

export interface SealedVector extends Omit<OuterVector, 'hex'>, Omit<InnerVector, 'hex'> {
  name: string;
  cipher: 1 | 2;
  key: string;
  payload: string;
  outerHex: string;
  innerHex: string;
  nonce: string;
  datagram: string;
}

export interface TransportVectors {
  outer: OuterVector[];
  inner: InnerVector[];
  nonce: { pathId: number; packetNumber: number; hex: string }[];
  sealed: SealedVector[];
}

export type FrameVector = { frame: string; hex: string } & Record<string, unknown>;

export const transportVectors = load('transport.json') as TransportVectors;
export const frameVectors = (load('frames.json') as { frames: FrameVector[] }).frames;

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
}
