import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Generators {
  generatePrismaClient(root: string, say: (text: string) => void): void;
  buildConsole(root: string, say: (text: string) => void): void;
}

const repository = dirname(import.meta.dirname);
const { buildConsole, generatePrismaClient } = (await import(
  pathToFileURL(join(repository, 'scripts/generate.mjs')).href
)) as Generators;

let root: string;
const said: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'corridor-generate-'));
  said.length = 0;
  put('package-lock.json', '{}');
  put('apps/console/src/main.ts', 'one');
  put('apps/console/src/main.test.ts', 'test');
  put('libs/contracts/src/index.ts', 'contracts');
  bundler(`mkdirSync('dist', { recursive: true }); writeFileSync('dist/index.html', readFileSync('src/main.ts'));`);
});

afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** In place of Vite: a program at the place where it lies. */
function bundler(code: string): void {
  const imports = "import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';";
  put('node_modules/vite/package.json', '{ "type": "module" }');
  put('node_modules/vite/bin/vite.js', `${imports}\n${code}\n`);
}

/** Whether a build was needed. */
function builds(): boolean {
  said.length = 0;
  buildConsole(root, (text) => void said.push(text));
  return said.length > 0;
}

describe('the console is built', () => {
  it('once, and again after a change of what it is made of', () => {
    expect(builds()).toBe(true);
    expect(readFileSync(join(root, 'apps/console/dist/index.html'), 'utf8')).toBe('one');
    expect(builds()).toBe(false);
    for (const path of ['apps/console/src/main.ts', 'apps/console/index.html', 'libs/contracts/src/index.ts']) {
      put(path, 'two');
      expect(builds(), path).toBe(true);
      expect(builds(), path).toBe(false);
    }
    expect(readFileSync(join(root, 'apps/console/dist/index.html'), 'utf8')).toBe('two');
  });

  it('not for a change of its tests, but when the bundle is gone', () => {
    builds();
    put('apps/console/src/main.test.ts', 'other');
    expect(builds()).toBe(false);
    rmSync(join(root, 'apps/console/dist'), { recursive: true });
    expect(builds()).toBe(true);
  });

  it('with the reason when it cannot be, and tried again the next time', () => {
    bundler(`process.stderr.write('src/main.ts: unexpected token\\n'); process.exit(1);`);
    expect(() => builds()).toThrow('src/main.ts: unexpected token');
    expect(() => builds()).toThrow('src/main.ts: unexpected token');
  });
});

describe("Prisma's client", () => {
  it('of this repository is there, and generating it again has nothing to do', () => {
    generatePrismaClient(repository, (text) => void said.push(text));
    said.length = 0;
    generatePrismaClient(repository, (text) => void said.push(text));
    expect(said).toEqual([]);
  });
});
