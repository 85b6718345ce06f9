import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { chmod, chown, lchown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../../kernel/start-error.js';
import type { Binaries } from './binaries.js';
import { isAlive, processStart } from './processes.js';
import { chooseWay, commandFor, ownerOf, type Way } from './way.js';

/** sockaddr_un holds 108 bytes with the closing zero. */
const LONGEST_SOCKET_PATH = 107;
const SOCKET_NAME = '.s.PGSQL.5432';
const OWNER_PATIENCE_MS = 1_500;

export const SUPERUSER = 'corridor';

/** Where everything of one embedded server lies: `CORRIDOR_DATA/pg`. */
export interface DataDirectory {
  readonly way: Way;
  /** PGDATA. */
  readonly cluster: string;
  /** Folder of the unix socket. */
  readonly socketFolder: string;
}

/**
 * Makes the directory ready for a start: claims it for this process, gives it to the user that PostgreSQL runs as, and
 * initialises the cluster when there is none.
 *
 * @throws Error with a sentence when another gateway uses it, or it is of another major version
 */
export async function prepareDataDirectory(
  dataDirectory: string,
  binaries: Binaries,
  { sync }: { readonly sync: boolean },
): Promise<DataDirectory> {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const way = chooseWay(dataDirectory, binaries.folder);
  const home = join(dataDirectory, 'pg');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  await claim(home);
  await giveTo(home, way);
  const cluster = join(home, 'cluster');
  if (!existsSync(join(cluster, 'PG_VERSION'))) await initialise(home, cluster, way, binaries, sync);
  const major = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (major !== binaries.major) {
    throw new StartError(
      `${cluster} is of PostgreSQL ${major} and this gateway brings ${binaries.major}: dump it with version ${major} and ` +
        'restore it into a new directory, or set DATABASE_URL',
    );
  }
  return { way, cluster, socketFolder: socketFolder(home, way) };
}

/** Ends the claim of this process. */
export function releaseDataDirectory(dataDirectory: string): void {
  rmSync(join(dataDirectory, 'pg/owner'), { force: true });
}

/**
 * One gateway at a time. The file names the process and when it began: process ids are used again, most of all in
 * containers, where the gateway has the same one at each start. A gateway that was just killed may take a moment to go.
 */
async function claim(home: string): Promise<void> {
  const file = join(home, 'owner');
  const deadline = performance.now() + OWNER_PATIENCE_MS;
  for (let owner = livingOwner(file); owner !== undefined; owner = livingOwner(file)) {
    if (performance.now() > deadline) {
      throw new StartError(
        `${home} is in use by process ${owner}: end that gateway first, or set another CORRIDOR_DATA`,
      );
    }
    await sleep(20);
  }
  writeFileSync(file, `${process.pid} ${processStart(process.pid)}\n`, { mode: 0o600 });
}

function livingOwner(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const [pid, start] = readFileSync(file, 'utf8').trim().split(' ');
  const lives = Number(pid) !== process.pid && isAlive(Number(pid)) && processStart(Number(pid)) === start;
  return lives ? Number(pid) : undefined;
}

/** Hands all files over when the directory was used as another user before; one look when it was not. */
async function giveTo(home: string, way: Way): Promise<void> {
  const { uid, gid } = ownerOf(way);
  const seen = [home, join(home, 'cluster')].map((path) => lstatSync(path, { throwIfNoEntry: false })?.uid ?? uid);
  if (seen.every((owner) => owner === uid)) return;
  try {
    for (const entry of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
      await lchown(join(home, entry), uid, gid);
    }
    await chown(home, uid, gid);
    await chmod(home, 0o700);
  } catch (error) {
    if (!['EPERM', 'EACCES', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new StartError(
      `${home} belongs to another user (uid ${seen.find((owner) => owner !== uid)}) and cannot be given to uid ${uid}: ` +
        'start the gateway as the user who started it before, or as root',
    );
  }
}

async function initialise(home: string, cluster: string, way: Way, binaries: Binaries, sync: boolean): Promise<void> {
  // Into another name first: a cluster whose making was interrupted is not mistaken for one.
  const fresh = join(home, 'cluster.new');
  rmSync(fresh, { recursive: true, force: true });
  await run(way, binaries.initdb, [
    ...['-D', fresh, '-U', SUPERUSER, '-E', 'UTF8', '--no-instructions'],
    ...['--auth-local=trust', '--auth-host=reject'],
    // The same order of texts on every machine, whatever locales it has.
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ...(sync ? [] : ['--no-sync']),
  ]);
  // Trust is for whom the kernel lets through to the socket: its folder and itself are 0700, so the owner (and root).
  writeFileSync(
    join(fresh, 'pg_hba.conf'),
    '# Written by corridor-gateway: see the permissions of the socket.\nlocal all all trust\n',
  );
  renameSync(fresh, cluster);
}

/** Beside the cluster; where that path is too long for a socket, a folder of its own below the temporary one. */
function socketFolder(home: string, way: Way): string {
  if (Buffer.byteLength(join(home, SOCKET_NAME)) <= LONGEST_SOCKET_PATH) return home;
  const { uid, gid } = ownerOf(way);
  const folder = join(tmpdir(), `corridor-pg-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid: owner, mode } = lstatSync(folder);
  if ((owner !== uid && owner !== process.geteuid!()) || (mode & 0o170077) !== 0o040000) {
    throw new StartError(`${folder} is not a folder of this user alone: remove it, or set a shorter CORRIDOR_DATA`);
  }
  if (owner !== uid) chownSync(folder, uid, gid);
  return folder;
}

async function run(way: Way, program: string, args: string[]): Promise<void> {
  const [command, words] = commandFor(way, program, args);
  const child = spawn(command, words, {
    ...(way.kind === 'drop' ? { uid: way.uid, gid: way.gid } : {}),
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code === 0) return;
  const lines = said.trim().split('\n');
  // Its last words are about tidying up; the reason stands above them.
  const reasons = lines.filter((line) => /error:|FATAL|PANIC|HINT/.test(line));
  throw new StartError(`initdb failed (code ${code}): ${(reasons.length > 0 ? reasons : lines).join('; ')}`);
}
