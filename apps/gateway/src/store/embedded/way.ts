import { accessSync, chmodSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { StartError } from '../../kernel/start-error.js';

/**
 * How PostgreSQL is started, because it refuses to run as uid 0:
 *
 * - `direct`: this process is an ordinary user already.
 * - `drop`: this process is root and may become another user: `postgres` where there is one, else `nobody`.
 * - `namespace`: this process is uid 0 of a user namespace in which no other uid exists, or other users cannot reach the
 *   files: a nested user namespace calls the same user 65534.
 */
export type Way =
  | { readonly kind: 'direct' }
  | { readonly kind: 'drop'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'namespace' };

/** Uid and gid that own the database's files, as this process sees them. */
export function ownerOf(way: Way): { readonly uid: number; readonly gid: number } {
  return way.kind === 'drop' ? way : { uid: process.geteuid!(), gid: process.getegid!() };
}

/**
 * @param dataDirectory CORRIDOR_DATA, which exists; others get the right to pass through it (not to read it) when they need it
 * @param binaries folder of PostgreSQL's programs
 */
export function chooseWay(dataDirectory: string, binaries: string): Way {
  if (process.geteuid!() !== 0) return { kind: 'direct' };
  const account = accountOf('postgres') ?? accountOf('nobody') ?? { uid: 65534, gid: 65534 };
  const mapped = isMapped('uid_map', account.uid) && isMapped('gid_map', account.gid);
  if (mapped && reaches(binaries, account) && reaches(dirname(dataDirectory), account)) {
    letPass(dataDirectory, account);
    return { kind: 'drop', ...account };
  }
  if (findProgram('unshare') !== undefined) return { kind: 'namespace' };
  throw new StartError(
    'PostgreSQL does not run as root, and here is neither another user that reaches its files nor the program "unshare": ' +
      'start the gateway as an ordinary user, or set DATABASE_URL',
  );
}

/** The words in front of a program that make it run in this way; uid and gid of `drop` are for `spawn`. */
export function commandFor(way: Way, program: string, args: readonly string[]): [string, string[]] {
  const words = [program, ...args];
  // The kernel asks PostgreSQL for a fast shutdown (SIGINT) when this process dies, even by SIGKILL.
  const setpriv = findProgram('setpriv');
  if (setpriv !== undefined) words.unshift(setpriv, '--pdeathsig', 'INT', '--');
  if (way.kind === 'namespace') {
    words.unshift(findProgram('unshare')!, '--user', '--map-user=65534', '--map-group=65534', '--');
  }
  return [words[0]!, words.slice(1)];
}

function accountOf(name: string): { uid: number; gid: number } | undefined {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [user, , uid, gid] = line.split(':');
      if (user === name && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
    }
  } catch {}
  return undefined;
}

/** Whether an id exists in this process's user namespace (user_namespaces(7): first id inside, outside, count). */
function isMapped(file: 'uid_map' | 'gid_map', id: number): boolean {
  const ranges = readFileSync(`/proc/self/${file}`, 'utf8').trim().split('\n');
  return ranges.some((range) => {
    const [inside, , count] = range.trim().split(/\s+/).map(Number) as [number, number, number];
    return id >= inside && id < inside + count;
  });
}

/** Whether an account may pass through every folder from the root to `folder`. */
function reaches(folder: string, account: { uid: number; gid: number }): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (!passes(at, account)) return false;
    if (at === dirname(at)) return true;
  }
}

function passes(folder: string, { uid, gid }: { uid: number; gid: number }): boolean {
  const { uid: owner, gid: group, mode } = statSync(folder);
  const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

function letPass(folder: string, account: { uid: number; gid: number }): void {
  if (!passes(folder, account)) chmodSync(folder, (statSync(folder).mode & 0o7777) | 0o011);
}

function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    const path = join(folder || '.', name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}
