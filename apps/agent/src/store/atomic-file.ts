import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../errors.js';

/**
 * Replaces a file as a whole, with mode 0600: whatever happens meanwhile, the old content or the new one is there, never
 * a part. The order is the one that rename(2) and fsync(2) promise something about: content to disk, then the name, then
 * the folder that holds the name.
 *
 * Synchronous, as it is rare and the order of two writes matters.
 * @throws the error of the file system (ENOSPC, EROFS, …); the old content stays.
 */
export function writeAtomic(path: string, text: string): void {
  const temporary = `${path}.new`;
  // What an interrupted write left behind may belong to somebody else's umask: it is made afresh.
  rmSync(temporary, { force: true });
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** The content, or undefined when there is no such file. @throws other errors of the file system. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a file for good; harmless when it is not there. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
