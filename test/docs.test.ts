import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allScenarios } from '../apps/lab/src/scenario/catalogue.js';
import { ROOMS } from './rooms.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pages = ['.', 'docs', 'docs/decisions', 'deploy', ...ROOMS.map((room) => room.folder)].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => relative('.', join(folder, name))),
);
const read = (page: string) => readFileSync(join(root, page), 'utf8');

describe('the docs', () => {
  it.each(pages)('%s leads nowhere that does not exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => match[1]);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it.each(pages)('%s names no script that package.json does not have', (page) => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...read(page).matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map((match) => match[1]);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('name no scenario and no command of the lab that does not exist', () => {
    const commands = [...read('apps/lab/src/main.ts').matchAll(/^ {2}'?([a-z][a-z-]*)'?: \{$/gm)].map(
      (match) => match[1],
    );
    const known = [...commands, ...allScenarios().map((scenario) => scenario.name), 'my-scenario.json'];
    const named = pages.flatMap((page) => [...read(page).matchAll(/\bnpm run lab -- ([a-z][a-z0-9.-]*[a-z0-9])/g)]);
    expect(named.length).toBeGreaterThan(40);
    expect(named.map((match) => match[1]).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('have every room in the table of the architecture, at its level', () => {
    const table = read('docs/architecture.md');
    for (const { folder, level, pure } of ROOMS) {
      const row = table.split('\n').find((line) => line.includes(`[${folder}](`));
      expect(row, folder).toMatch(new RegExp(`^\\| ${level} \\|.*\\| ${pure ? 'yes' : 'no'} \\|$`));
    }
  });

  it('number the decisions without gaps', () => {
    const numbers = readdirSync(join(root, 'docs/decisions'))
      .filter((name) => /^\d/.test(name))
      .map((name) => Number(name.slice(0, 4)));
    expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
  });

  it('explain each word of the glossary once, in order', () => {
    const words = [...read('docs/glossary.md').matchAll(/^\| ([^|]+?) \|/gm)].map((match) => match[1]).slice(2);
    expect(words).toEqual([...new Set(words)].sort((a, b) => a.localeCompare(b, 'en')));
  });

  it('give every room a page', () => {
    expect(ROOMS.map((room) => room.folder).filter((folder) => !existsSync(join(root, folder, 'README.md')))).toEqual(
      [],
    );
  });
});
