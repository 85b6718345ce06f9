import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { blank, importsOf, type RoomManifest, violations } from './import-scan.js';
import { ROOMS, type Room } from './rooms.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const devDependencies: string[] = Object.keys(json('package.json').devDependencies);

function manifestOf(room: Room): RoomManifest {
  const folders = new Map(ROOMS.map((other) => [join(root, other.folder), other.name]));
  const references: { path: string }[] = json(`${room.folder}/tsconfig.json`).references ?? [];
  const own = json(`${room.folder}/package.json`);
  // What is bundled into the console is not needed to run it: all of it is declared for development.
  const bundled = room.folder === 'apps/console' ? Object.keys(own.devDependencies) : [];
  return {
    dependencies: [...Object.keys(own.dependencies ?? {}), ...bundled],
    devDependencies,
    references: references.map(({ path }) => folders.get(join(root, room.folder, path)) ?? path),
  };
}

function sourcesOf(room: Room) {
  return readdirSync(join(root, room.folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/\/(dist|build|node_modules)\//.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

describe('the rooms of the house', () => {
  it('are all in the table, and the table names no room that does not exist', () => {
    const folders = ['libs', 'apps'].flatMap((parent) =>
      readdirSync(join(root, parent), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${parent}/${entry.name}`),
    );
    expect(ROOMS.map((room) => room.folder).sort()).toEqual(folders.sort());
    for (const room of ROOMS) expect(json(`${room.folder}/package.json`).name).toBe(room.name);
  });

  it('import downwards only, by the table itself', () => {
    for (const room of ROOMS) {
      for (const name of room.mayImport) {
        const other = ROOMS.find((candidate) => candidate.name === name);
        expect(other, `${room.name} may import ${name}, which is no room`).toBeDefined();
        expect(other?.level, `${room.name} -> ${name}`).toBeLessThan(room.level);
      }
    }
  });

  it.each(ROOMS)('$folder keeps the import rules', (room) => {
    const manifest = manifestOf(room);
    const sources = sourcesOf(room);
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flatMap((file) => violations(room, file, manifest))).toEqual([]);
  });

  it.each(ROOMS.filter((room) => room.pure))('$folder compiles without ambient types and without DOM', (room) => {
    const base = json('tsconfig.base.json').compilerOptions;
    const own = json(`${room.folder}/tsconfig.json`).compilerOptions;
    expect({ ...base, ...own }.types).toEqual([]);
    expect({ ...base, ...own }.lib.join(' ').toLowerCase()).not.toContain('dom');
  });
});

describe('the checker', () => {
  const engine = ROOMS.find((room) => room.folder === 'libs/tunnel') as Room;
  const lab = ROOMS.find((room) => room.folder === 'apps/lab') as Room;
  const manifest: RoomManifest = {
    dependencies: ['@corridor/wire', '@corridor/sim', '@corridor/tunnel-host'],
    devDependencies: ['vitest'],
    references: ['@corridor/wire'],
  };
  const check = (text: string, room = engine, path = `${room.folder}/src/sample.ts`) =>
    violations(room, { path, text }, manifest);

  it.each([
    ["import { Pair } from '@corridor/sim';", /imports @corridor\/sim upward/],
    ["export * from '@corridor/tunnel-host';", /upward/],
    ["const io = await import('@corridor/packet-io');", /against the table/],
    ["import type { Lab } from '../../sim/src/index.js';", /outside its room/],
    ["import { readFileSync } from 'node:fs';", /node:fs in a pure room/],
    ["import 'left-pad';", /left-pad, which its package.json does not declare/],
    ["import { Strategy } from '@corridor/strategy';", /does not declare/],
    ['const now = Date.now();', /uses Date/],
    ['const now = new Date();', /uses Date/],
    ['setTimeout(() => {}, 5);', /uses timers/],
    ['const id = `path ${Math.random()}`;', /uses Math.random/],
    ['const t = performance.now();', /uses performance/],
    ["console.log('x');", /uses console/],
    ['globalThis.fetch(url);', /ambient I\/O/],
  ])('catches %s', (text, complaint) => {
    expect(check(text)).toEqual([expect.stringMatching(complaint)]);
  });

  it('catches sideways imports between applications and a missing project reference', () => {
    expect(check("import { main } from 'corridor-tunnel';", lab)).toEqual([expect.stringMatching(/sideways/)]);
    expect(check("import { Pair } from '@corridor/sim';", lab)).toEqual([expect.stringMatching(/does not reference/)]);
  });

  it('leaves alone what only looks like a violation', () => {
    expect(check("// Date.now() is forbidden\n/* import 'left-pad' */\nconst s = 'setTimeout(Math.random)';")).toEqual(
      [],
    );
    expect(check('const re = /console\\.log["\'`]/; frame.performance.x = `Date.now() ${a}`;')).toEqual([]);
    expect(check("import { decode } from '@corridor/wire';\nimport { a } from './a.js';")).toEqual([]);
    expect(
      check("import { it } from 'vitest';\nimport 'node:fs';\nDate.now();", engine, 'libs/tunnel/src/a.test.ts'),
    ).toEqual([]);
  });

  it('takes no notice of imports that are only talked about', () => {
    const text = `expect("import 'a';").toMatch(/from '@corridor\\/sim'/); // from 'b'\nconst t = \`import 'c'\`;`;
    expect(importsOf(text)).toEqual([]);
  });

  it('reads imports of every form and tells code from text', () => {
    expect(
      importsOf("import a from 'a';import {\n b\n} from \"b\";export { c } from 'c';import('d');import 'e';"),
    ).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(blank('a(`x ${b({ c: `y ${d} z` })} w`, 1 / 2, "s") // t').replace(/\s+/g, ' ').trim()).toBe(
      'a( b({ c: d }) , 1 / 2, " ")',
    );
  });
});
