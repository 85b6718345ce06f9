import { createHash } from 'node:crypto';
import { readIfThere, removeFile, writeAtomic } from './atomic-file.js';

/**
 * State files carry their own digest, so that a file that a dying card or an unclean power-off damaged is told apart from
 * one that is right, and a copy beside them, so that one damaged file loses nothing:
 *
 *     corridor-state 1 <SHA-256 of the rest, hex>
 *     <the rest>
 */
const HEADER = /^corridor-state 1 ([0-9a-f]{64})\n/;

export type Checked =
  | { readonly state: 'missing' }
  | { readonly state: 'damaged' }
  /** `fromCopy`: the file itself was damaged or missing. */
  | { readonly state: 'good'; readonly text: string; readonly fromCopy: boolean };

/** @throws the error of the file system; what was stored before stays. */
export function writeChecked(path: string, text: string): void {
  const whole = `corridor-state 1 ${digestOf(text)}\n${text}`;
  writeAtomic(path, whole);
  writeAtomic(copyOf(path), whole);
}

export function readChecked(path: string): Checked {
  const own = read(path);
  if (own.state === 'good') return { ...own, fromCopy: false };
  const copy = read(copyOf(path));
  if (copy.state === 'good') return { ...copy, fromCopy: true };
  return { state: own.state === 'missing' && copy.state === 'missing' ? 'missing' : 'damaged' };
}

export function removeChecked(path: string): void {
  removeFile(path);
  removeFile(copyOf(path));
}

function read(path: string): { state: 'missing' | 'damaged' } | { state: 'good'; text: string } {
  const whole = readIfThere(path);
  if (whole === undefined) return { state: 'missing' };
  const digest = HEADER.exec(whole)?.[1];
  const text = whole.slice(whole.indexOf('\n') + 1);
  return digest !== undefined && digest === digestOf(text) ? { state: 'good', text } : { state: 'damaged' };
}

function copyOf(path: string): string {
  return `${path}.copy`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
