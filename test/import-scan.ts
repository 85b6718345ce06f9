import type { Room } from './rooms.js';
import { IMPURE, ROOMS } from './rooms.js';

/** One source file of a room, with its path below the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a room declares about itself. */
export interface RoomManifest {
  readonly dependencies: readonly string[];
  /** Root devDependencies: tests may use them too. */
  readonly devDependencies: readonly string[];
  /** Packages of ours that its tsconfig.json references. */
  readonly references: readonly string[];
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\1/g;

/** Answers one sentence for each rule that `file` of `room` breaks; an empty list when it keeps them all. */
export function violations(room: Room, file: SourceFile, manifest: RoomManifest): string[] {
  const isTest = file.path.endsWith('.test.ts') || file.path.includes('/test/');
  const found: string[] = [];
  for (const specifier of importsOf(file.text)) {
    const complaint = importViolation(room, file, specifier, manifest, isTest);
    if (complaint !== undefined) found.push(`${file.path}: ${complaint}`);
  }
  if (room.pure && !isTest) {
    const code = blank(file.text);
    for (const { pattern, what, why } of IMPURE) {
      if (pattern.test(code)) found.push(`${file.path}: uses ${what} in a pure room: ${why}`);
    }
  }
  return found;
}

function importViolation(
  room: Room,
  file: SourceFile,
  specifier: string,
  manifest: RoomManifest,
  isTest: boolean,
): string | undefined {
  if (specifier.startsWith('.')) {
    const target = resolve(file.path, specifier);
    return target.startsWith(`${room.folder}/`) ? undefined : `imports ${specifier}, which lies outside its room`;
  }
  if (specifier.startsWith('node:')) {
    return room.pure && !isTest ? `imports ${specifier} in a pure room: ${room.why}` : undefined;
  }
  const target = packageName(specifier);
  const other = ROOMS.find((candidate) => candidate.name === target);
  if (other !== undefined && other !== room && !room.mayImport.includes(target)) {
    const direction =
      other.level > room.level ? 'upward' : other.level === room.level ? 'sideways' : 'against the table';
    return `imports ${target} ${direction}: ${room.why}`;
  }
  const declared = isTest ? [...manifest.dependencies, ...manifest.devDependencies] : manifest.dependencies;
  if (!declared.includes(target)) return `imports ${target}, which its package.json does not declare`;
  if (other !== undefined && !manifest.references.includes(target)) {
    return `imports ${target}, which its tsconfig.json does not reference: the build would run in the wrong order`;
  }
  return undefined;
}

/** Every module specifier in `text`: static, dynamic, re-exported and type-only imports. */
export function importsOf(text: string): string[] {
  const code = blank(text);
  // What begins in a comment, a string or a regular expression is text about imports.
  return [...text.matchAll(IMPORT)]
    .filter(({ index }) => code[index] === text[index])
    .map((match) => match[2] as string);
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Path of a relative import, without leaving the language of forward slashes. */
function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const step of specifier.split('/')) {
    if (step === '..') parts.pop();
    else if (step !== '.') parts.push(step);
  }
  return parts.join('/');
}

/**
 * `text` with comments and the contents of strings and regular expressions replaced by spaces, character by character.
 * Template literals keep the code in their `${}`. Not a parser: enough to tell code from prose.
 */
export function blank(text: string): string {
  let out = '';
  /** Depths of braces at which an open template literal continues. */
  const templates: number[] = [];
  let depth = 0;
  for (let i = 0; i < text.length; ) {
    const two = text.slice(i, i + 2);
    const char = text[i] as string;
    let end = i + 1;
    let keep: 'all' | 'ends' | 'nothing' = 'all';
    if (two === '//') [end, keep] = [endOf(text, '\n', i), 'nothing'];
    else if (two === '/*') [end, keep] = [endOf(text, '*/', i + 2) + 2, 'nothing'];
    else if (char === "'" || char === '"') [end, keep] = [endOfQuoted(text, i + 1, char), 'ends'];
    else if (char === '/' && startsRegExp(out)) [end, keep] = [endOfQuoted(text, i + 1, '/'), 'ends'];
    else if (char === '{') depth++;
    else if (char === '}' && templates.at(-1) !== depth) depth--;
    else if (char === '`' || char === '}') {
      if (char === '}') templates.pop();
      end = i + 1;
      while (end < text.length && text[end] !== '`' && text.slice(end, end + 2) !== '${')
        end += text[end] === '\\' ? 2 : 1;
      if (text[end] === '$') {
        templates.push(depth);
        end += 2;
      } else end++;
      keep = 'nothing';
    }
    const piece = text.slice(i, end);
    const spaces = piece.replace(/[^\n]/g, ' ');
    if (keep === 'all') out += piece;
    else out += keep === 'ends' ? `${char}${spaces.slice(2)}${char}` : spaces;
    i = end;
  }
  return out;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let inSet = false;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '\n') return i;
    else if (quote === '/' && char === '[') inSet = true;
    else if (quote === '/' && char === ']') inSet = false;
    else if (char === quote && !inSet) return i + 1;
  }
  return text.length;
}

/** A slash starts a regular expression where an expression may start, not where a division could stand. */
function startsRegExp(before: string): boolean {
  return /(?:^|[=(,:[!&|?{};\n]|\breturn|=>)\s*$/.test(before.slice(-40));
}
