import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file of secrets cannot be used; the message says which and what to do. Never repaired by itself. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
}

/**
 * Makes a directory that only its owner may read. Passing through stays as it is: the embedded database runs as another
 * user, whose own folder lies below the gateway's.
 */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { mode } = statSync(path);
  if ((mode & 0o066) !== 0) chmodSync(path, mode & 0o7711);
}

/** What the file holds, or what `make` makes at the first start. */
export async function secretFile(path: string, make: () => string | Promise<string>): Promise<string> {
  if (!existsSync(path)) writeOnce(path, await make());
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new SecretFileError(`${path} can be read by others: "chmod 600" it, and consider what it protects as known`);
  }
  return readFileSync(path, 'utf8');
}

/**
 * Complete or not at all, also when the power fails; a file that is there stays: of two first starts at the same time
 * one wins, and both read the winner's.
 */
function writeOnce(path: string, content: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
  syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
