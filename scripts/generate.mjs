/**
 * What is generated from other files of this repository and is not in it: Prisma's client from prisma/schema.prisma, the
 * console's bundle and the agent's. Each has a stamp of all that it is made of, so that a second run has nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The program "prisma generate" wants to see before it begins; it never runs it, and would otherwise download one. */
const UNUSED_ENGINE = process.execPath;

/**
 * @param {string} root folder of the repository
 * @param {(text: string) => void} say
 * @throws Error with Prisma's own words
 */
export function generatePrismaClient(root, say) {
  const schema = join(root, 'prisma/schema.prisma');
  const output = join(root, 'apps/gateway/src/store/generated');
  const packages = ['prisma', '@prisma/client'].map((name) => join(root, 'node_modules', name, 'package.json'));
  const made = { proof: join(output, 'client.ts'), stampFile: join(output, 'stamp') };
  whenStale(made, stampOf(root, [schema, ...packages]), () => {
    say("generating Prisma's client");
    run(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate', '--no-hints'], {
      cwd: root,
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: UNUSED_ENGINE, PRISMA_HIDE_UPDATE_MESSAGE: '1', CI: '1' },
    });
  });
}

/**
 * @param {string} root folder of the repository
 * @param {(text: string) => void} say
 * @throws Error with the bundler's own words
 */
export function buildConsole(root, say) {
  const room = join(root, 'apps/console');
  const inputs = [
    ...filesBelow(room),
    ...filesBelow(join(root, 'libs/contracts/src')),
    join(root, 'package-lock.json'),
  ];
  const made = { proof: join(room, 'dist/index.html'), stampFile: join(room, 'build/stamp') };
  whenStale(made, stampOf(root, inputs), () => {
    say('building the console');
    run(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: room });
  });
}

/**
 * @param {string} root folder of the repository, compiled
 * @param {(text: string) => void} say
 * @throws Error with the bundler's own words
 */
export function bundleAgent(root, say) {
  const room = join(root, 'apps/agent');
  const rooms = ['contracts', 'strategy', 'telemetry', 'tunnel', 'tunnel-host', 'wire'].map((name) => `libs/${name}`);
  const inputs = [
    ...['apps/agent', ...rooms].flatMap((name) => programsBelow(join(root, name, 'dist'))),
    join(room, 'rolldown.config.mjs'),
    join(root, 'package-lock.json'),
  ];
  const made = { proof: join(room, 'build/program/cli.js'), stampFile: join(room, 'build/stamp') };
  whenStale(made, stampOf(root, inputs), () => {
    say('bundling the agent');
    const rolldown = join(root, 'node_modules/rolldown/bin/cli.mjs');
    run(process.execPath, [rolldown, '--config', 'rolldown.config.mjs', '--log-level', 'warn'], { cwd: room });
  });
}

/** @param {{ proof: string, stampFile: string }} made a file that the work leaves behind, and where its stamp lies */
function whenStale({ proof, stampFile }, stamp, work) {
  if (existsSync(proof) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  rmSync(stampFile, { force: true });
  work();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
}

function stampOf(root, files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${relative(root, file)}\n`)
      .update(readFileSync(file))
      .update('\n');
  return hash.digest('hex');
}

/** Sources of a room in a fixed order: without tests, and without what is made of them. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (['node_modules', 'dist', 'build'].includes(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return /\.test\.tsx?$/.test(entry.name) ? [] : [path];
    });
}

/** Compiled modules below a folder, in a fixed order. */
function programsBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith('.js'))
    .sort()
    .map((path) => join(folder, path));
}

function run(command, args, options) {
  const { status, stdout, stderr } = spawnSync(command, args, { ...options, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return;
  throw new Error(`${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-30).join('\n'));
}
