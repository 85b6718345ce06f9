/**
 * Builds the native addon of libs/packet-io with nothing but a C++ compiler and Node's own headers: no node-gyp, no
 * Python. A stamp of sources, flags and Node version makes a second run a matter of milliseconds.
 *
 *   node scripts/build-native.mjs [--variant asan|ubsan|fuzz] [--force]
 *
 * With libipsec-mb-dev installed the addon can use that library; what the header's version is must be found at run time.
 *
 * The plain build lies in libs/packet-io/build/packet_io.node, a variant in libs/packet-io/build/<variant>/. `fuzz`
 * makes one libFuzzer program of each file in libs/packet-io/fuzz and needs clang++.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { argv, env, execPath, exit, versions } from 'node:process';
import { fileURLToPath } from 'node:url';

const room = join(dirname(dirname(fileURLToPath(import.meta.url))), 'libs', 'packet-io');
const nativeFolder = join(room, 'native');
const fuzzFolder = join(room, 'fuzz');

const COMMON_FLAGS = ['-std=c++20', '-fPIC', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden', '-DNAPI_VERSION=8'];
const SANITIZED = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-sanitize-recover=all'];
const VARIANTS = {
  plain: { folder: 'build', flags: ['-O3', '-g1'] },
  asan: { folder: 'build/asan', flags: [...SANITIZED, '-fsanitize=address'] },
  ubsan: { folder: 'build/ubsan', flags: [...SANITIZED, '-fsanitize=undefined'] },
  fuzz: { folder: 'build/fuzz', flags: [...SANITIZED, '-fsanitize=fuzzer-no-link,address,undefined'] },
};
/** Optional: its library, when it is there at run time, is several times faster at AES-256-GCM on recent x86. */
const IPSEC_MB_HEADER = '/usr/include/intel-ipsec-mb.h';
/** What the fuzz targets are linked with: the files that parse bytes and know nothing of Node. */
const PURE_SOURCES = ['checksum.cc', 'split.cc', 'coalesce.cc'];

/**
 * Builds what is out of date.
 *
 * @param {{ variant?: keyof typeof VARIANTS, force?: boolean, log?: (text: string) => void }} [options]
 * @returns {Promise<string>} the folder in which the build lies
 * @throws Error with one sentence that says what is missing, or with the compiler's own words
 */
export async function buildNative({ variant = 'plain', force = false, log = () => {} } = {}) {
  const recipe = VARIANTS[variant];
  if (recipe === undefined) {
    throw new Error(`Unknown variant "${variant}": use one of ${Object.keys(VARIANTS).join(', ')}.`);
  }
  const folder = join(room, recipe.folder);
  const sources = variant === 'fuzz' ? PURE_SOURCES : filesIn(nativeFolder, '.cc');
  const compiler = findCompiler(variant === 'fuzz');
  const headers = variant === 'fuzz' ? undefined : findHeaders();
  const flags = [...COMMON_FLAGS, ...recipe.flags, `-I${nativeFolder}`, ...(headers ? [`-I${headers}`] : [])];
  const ipsecMb = existsSync(IPSEC_MB_HEADER) ? readFileSync(IPSEC_MB_HEADER) : undefined;
  if (ipsecMb !== undefined) flags.push('-DPIO_IPSEC_MB');
  const stamp = stampOf([compiler, flags.join(' '), versions.node, process.arch, ipsecMb ?? '']);
  const stampFile = join(folder, 'stamp');
  if (!force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return folder;

  log(`building the native addon${variant === 'plain' ? '' : ` (${variant})`} with ${compiler}`);
  mkdirSync(folder, { recursive: true });
  rmSync(stampFile, { force: true });
  const objects = await inParallel(
    sources.map((name) => join(nativeFolder, name)),
    (source) => compile(compiler, flags, source, folder),
  );
  if (variant === 'fuzz') {
    const link = ['-fsanitize=fuzzer,address,undefined'];
    await inParallel(
      filesIn(fuzzFolder, '.cc').map((name) => join(fuzzFolder, name)),
      async (source) => {
        const object = await compile(compiler, flags, source, folder);
        await run(compiler, [...link, '-o', join(folder, basename(source, '.cc')), object, ...objects]);
      },
    );
  } else {
    // Linked beside and moved: a process that has the old one loaded keeps it.
    const fresh = join(folder, `packet_io.${process.pid}.node`);
    await run(compiler, ['-shared', ...recipe.flags, '-o', fresh, ...objects]);
    renameSync(fresh, join(folder, 'packet_io.node'));
  }
  for (const object of readdirSync(folder)) {
    if (object.endsWith('.o')) rmSync(join(folder, object));
  }
  writeFileSync(stampFile, stamp);
  return folder;
}

function filesIn(folder, ...endings) {
  return readdirSync(folder)
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort();
}

function findCompiler(clangOnly) {
  const names = clangOnly
    ? [env.CLANGXX, 'clang++', ...[19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)]
    : [env.CXX, 'c++', 'g++', 'clang++'];
  const folders = (env.PATH ?? '').split(':');
  for (const name of names) {
    if (!name) continue;
    if (name.includes(' ')) throw new Error('CXX must name one program, without arguments.');
    const path = name.includes('/') ? name : folders.map((folder) => join(folder, name)).find(existsSync);
    if (path && existsSync(path)) return path;
  }
  if (!clangOnly)
    throw new Error('No C++ compiler found: install one with "apt-get install g++" (or set CXX to yours).');
  const message = 'no clang++ found; install it with "apt-get install clang" (or set CLANGXX to yours).';
  throw Object.assign(new Error(message), { code: 'ERR_NO_CLANG' });
}

/** The folder of node_api.h that belongs to this Node. */
function findHeaders() {
  const roots = [env.npm_config_nodedir, dirname(dirname(execPath)), '/usr'].filter(Boolean);
  for (const root of roots) {
    const folder = join(root, 'include', 'node');
    if (existsSync(join(folder, 'node_api.h')) && existsSync(join(folder, 'openssl', 'evp.h'))) return folder;
  }
  throw new Error(
    `Node's headers are missing beside ${execPath}: install Node from nodejs.org or NodeSource (Debian's own package: ` +
      '"apt-get install libnode-dev"), or set npm_config_nodedir to a folder that has include/node.',
  );
}

function stampOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part}\n`);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const folder of [nativeFolder, fuzzFolder]) {
    if (!existsSync(folder)) continue;
    for (const name of filesIn(folder, '.cc', '.h')) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}

async function compile(compiler, flags, source, folder) {
  const object = join(folder, `${basename(source)}.${process.pid}.o`);
  await run(compiler, [...flags, '-c', source, '-o', object]);
  return object;
}

/** Runs `task` over all items, as many at once as there are processors; answers in the order of the items. */
async function inParallel(items, task) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await task(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(items.length, availableParallelism()) }, worker));
  return results;
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} failed on ${args.at(-1)}:\n${output}`));
    });
  });
}

/** Names of the programs that the variant `fuzz` makes. */
export function fuzzTargets() {
  return filesIn(fuzzFolder, '.cc').map((name) => basename(name, '.cc'));
}

/** Path of a sanitizer's run-time library, for LD_PRELOAD; undefined when the compiler has none. */
export function sanitizerLibrary(name) {
  const { stdout } = spawnSync(findCompiler(false), [`-print-file-name=lib${name}.so`], { encoding: 'utf8' });
  const path = stdout.trim();
  return path.startsWith('/') && existsSync(path) ? path : undefined;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const at = argv.indexOf('--variant');
  try {
    const variant = at < 0 ? 'plain' : argv[at + 1];
    const folder = await buildNative({ variant, force: argv.includes('--force'), log: (text) => console.error(text) });
    console.error(`the native addon is built: ${folder}`);
  } catch (error) {
    console.error(error.message);
    exit(1);
  }
}
