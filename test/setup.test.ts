import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const run = (script: string, env: Record<string, string>, code = '') =>
  spawnSync(process.execPath, [...(code === '' ? [] : ['--import', `data:text/javascript,${code}`]), script], {
    cwd: root,
    env,
    encoding: 'utf8',
  });

describe('the set-up says in one sentence what is missing', () => {
  it.each([
    ['a compiler', { PATH: '/nowhere' }, '', /^corridor: No C\+\+ compiler found: install one with .*\n$/],
    [
      'a newer Node',
      { PATH: process.env.PATH ?? '' },
      'Object.defineProperty(process.versions,"node",{value:"18.19.1"})',
      /^corridor: Node 18\.19\.1 is too old: install Node 20\.19 or newer .*\n$/,
    ],
    [
      'Linux',
      { PATH: process.env.PATH ?? '' },
      'Object.defineProperty(process,"platform",{value:"darwin"})',
      /^corridor: Corridor runs on Linux only \(this is darwin\): .*\n$/,
    ],
  ])('%s', (_what, env, code, sentence) => {
    const { status, stdout, stderr } = run(join(root, 'scripts/setup.mjs'), env, code);
    expect(stderr).toMatch(sentence);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  });
});

describe('the command lines', () => {
  it.each(['start', 'test', 'build', 'lab', 'bench'])('npm run %s begins with the set-up', (script) => {
    const { status, stderr } = run(join(root, `scripts/${script}.mjs`), { PATH: '/nowhere' });
    expect(stderr).toMatch(/No C\+\+ compiler found/);
    expect(status).toBe(1);
  });
});
