/**
 * Everything between a fresh clone and a running program: checks the machine, installs the dependencies, builds the
 * native addon, generates Prisma's client, compiles the TypeScript, bundles the agent and builds the console. Each part
 * looks whether it has anything to do; a second run takes less than a second. Run it alone with `node scripts/setup.mjs`,
 * or through any of the npm scripts.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A reason to stop that a person can act on: one sentence, no stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Brings the working tree into a state in which everything runs.
 *
 * @param {{ quiet?: boolean }} [options] quiet: print only what takes time and what fails.
 */
export async function setUp({ quiet = false } = {}) {
  const started = performance.now();
  const say = (text) => process.stderr.write(`setup: ${text}\n`);
  checkMachine();
  if (!quiet) say(`Node ${process.versions.node}, ${commandPath('c++', 'g++', 'clang++')}, ${commandPath('ip')}`);
  installDependencies(say);
  const { buildNative } = await import('./build-native.mjs');
  await step(() => buildNative({ log: say }), 'the native addon could not be built');
  const { buildConsole, bundleAgent, generatePrismaClient } = await import('./generate.mjs');
  await step(() => generatePrismaClient(root, say), "Prisma's client could not be generated");
  compile(say);
  await step(() => bundleAgent(root, say), 'the agent could not be bundled');
  await step(() => buildConsole(root, say), 'the console could not be built');
  await linkPostgres(say);
  const seconds = (performance.now() - started) / 1000;
  if (!quiet || seconds > 2) say(`ready after ${seconds.toFixed(1)} s`);
}

function checkMachine() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(
      `Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org/en/download).`,
    );
  }
  if (process.platform !== 'linux') {
    throw new SetupError(`Corridor runs on Linux only (this is ${process.platform}): use a Linux machine or VM.`);
  }
  if (commandPath(process.env.CXX, 'c++', 'g++', 'clang++') === undefined) {
    throw new SetupError('No C++ compiler found: install one with "apt-get install g++" (or set CXX to yours).');
  }
  if (commandPath('ip') === undefined) {
    throw new SetupError('The command "ip" is missing: install it with "apt-get install iproute2".');
  }
}

/** Absolute path of the first of `names` that can be run, or undefined. */
export function commandPath(...names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const name of names.filter(Boolean)) {
    for (const path of name.includes('/') ? [name] : folders.map((folder) => join(folder, name))) {
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
  }
  return undefined;
}

function installDependencies(say) {
  if (dependenciesMatch()) return;
  say('installing dependencies (npm ci)');
  const npm = commandPath('npm');
  if (npm === undefined) throw new SetupError('The command "npm" is missing: install it with Node (apt: "npm").');
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new SetupError('npm ci failed (see above): check the network and the npm registry settings.');
}

/** Whether node_modules holds exactly what package-lock.json names; packages for other platforms may be absent. */
function dependenciesMatch() {
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  const same = (path) =>
    installed[path].version === wanted[path]?.version && installed[path].link === wanted[path]?.link;
  const isPackage = (path) => path.includes('node_modules/');
  return (
    Object.keys(wanted).every((path) => !isPackage(path) || wanted[path].optional || path in installed) &&
    Object.keys(installed).every((path) => !isPackage(path) || (same(path) && existsSync(join(root, path))))
  );
}

function compile(say) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-b', '--verbose', '--pretty', 'false'],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  const output = `${stdout}${stderr}`;
  const built = [...output.matchAll(/Building project '([^']+)'/g)].map((match) =>
    dirname(match[1]).split('/').slice(-2),
  );
  if (built.length > 0) say(`compiled ${built.map((parts) => parts.join('/')).join(', ')}`);
  if (status === 0) return;
  const errors = output.split('\n').filter((line) => /error TS\d+/.test(line));
  process.stderr.write(`${errors.slice(0, 40).join('\n')}\n`);
  throw new SetupError('The TypeScript sources do not compile (see above): "npm run typecheck" lists all errors.');
}

/** The embedded PostgreSQL's library links, made here because the gateway may run as a user who cannot. */
async function linkPostgres(say) {
  const { findBinaries } = await import(pathToFileURL(join(root, 'apps/gateway/dist/store/embedded/binaries.js')).href);
  try {
    findBinaries();
  } catch (error) {
    say(error.message); // a gateway with DATABASE_URL runs without
  }
}

async function step(run, what) {
  try {
    await run();
  } catch (error) {
    throw error instanceof SetupError ? error : new SetupError(`${what}: ${error.message}`);
  }
}

/** Runs `main` and turns what it throws or answers into an exit code: sentences for people, no stacks. */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? `corridor: ${error.message}` : error.stack}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runScript(() => setUp());
