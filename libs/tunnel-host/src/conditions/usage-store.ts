import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where the usage of data caps outlives the process. */
export interface UsageStore {
  /** What was written last; undefined when nothing was. @throws an error whose message says what is wrong */
  read(): string | undefined;
  /** Replaces it as a whole. @throws likewise; what was there stays. */
  write(text: string): void;
}

/** In a file of its own. */
export class UsageFile implements UsageStore {
  constructor(private readonly path: string) {}

  read(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Content to disk, then the name, then the folder that holds the name: rename(2), fsync(2). */
  write(text: string): void {
    const temporary = `${this.path}.new`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
    const folder = openSync(dirname(this.path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
