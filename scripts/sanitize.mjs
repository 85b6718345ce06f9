/**
 * The tests of libs/packet-io once more on an addon built with AddressSanitizer, then with UndefinedBehaviorSanitizer,
 * and each fuzz target for a bounded time.
 *
 *   node scripts/sanitize.mjs [--seconds N]      seconds for each fuzz target, default 20
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNative, fuzzTargets, sanitizerLibrary } from './build-native.mjs';
import { run, sandbox } from './run.mjs';
import { root, runScript, SetupError, setUp } from './setup.mjs';

const vectors = join(root, 'libs/packet-io/vectors/segmentation.json');
const say = (text) => process.stderr.write(`sanitize: ${text}\n`);

await runScript(async () => {
  const at = process.argv.indexOf('--seconds');
  const seconds = at < 0 ? 20 : Number(process.argv[at + 1]);
  if (!Number.isInteger(seconds) || seconds < 1) throw new SetupError('--seconds needs a positive whole number.');
  await setUp({ quiet: true });
  for (const variant of ['asan', 'ubsan']) {
    const code = await testsUnder(variant);
    if (code !== 0) return code;
  }
  return fuzz(seconds);
});

async function testsUnder(variant) {
  const library = variant === 'asan' ? sanitizerLibrary('asan') : undefined;
  if (variant === 'asan' && library === undefined) {
    throw new SetupError('The compiler has no libasan: install it with "apt-get install g++" (libasan comes with it).');
  }
  const folder = await buildNative({ variant, log: say });
  const { prefix, reason } = sandbox();
  if (prefix === undefined) say(`no network namespaces here, so only the unit tests run (${reason})`);
  say(`packet-io's tests under ${variant}`);
  const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'libs/packet-io'];
  const [command, ...args] = [...(prefix ?? []), ...vitest, ...(prefix ? [] : ['--project', 'unit'])];
  return run(command, args, {
    CORRIDOR_PACKET_IO: join(folder, 'packet_io.node'),
    // Node frees little at its end, so leaks are not looked for; teardown.netns.test.ts counts what stays behind.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    ...(library ? { LD_PRELOAD: library } : {}),
  });
}

async function fuzz(seconds) {
  let folder;
  try {
    folder = await buildNative({ variant: 'fuzz', log: say });
  } catch (error) {
    if (error.code !== 'ERR_NO_CLANG') throw error;
    say(`fuzz targets left out: ${error.message}`);
    return 0;
  }
  const corpora = mkdtempSync(join(tmpdir(), 'corridor-fuzz-'));
  try {
    for (const target of fuzzTargets()) {
      say(`${target} for ${seconds} s`);
      const corpus = join(corpora, target);
      writeSeeds(target, corpus);
      const limits = [
        `-max_total_time=${seconds}`,
        '-max_len=4096',
        '-rss_limit_mb=1024',
        '-verbosity=0',
        '-print_final_stats=1',
      ];
      // What makes it crash is kept where one finds it.
      mkdirSync(join(root, 'results'), { recursive: true });
      const where = `-artifact_prefix=${join(root, 'results')}/`;
      const { status, stderr } = spawnSync(join(folder, target), [...limits, where, corpus], { encoding: 'utf8' });
      if (status !== 0) {
        process.stderr.write(stderr);
        return status ?? 1;
      }
      say(`${target}: ${stderr.match(/number_of_executed_units: *(\d+)/)?.[1] ?? 'some'} inputs, none broke it`);
    }
    say('all passed');
    return 0;
  } finally {
    rmSync(corpora, { recursive: true, force: true });
  }
}

/** The golden vectors in the form that each target reads. */
function writeSeeds(target, corpus) {
  mkdirSync(corpus, { recursive: true });
  if (!existsSync(vectors)) return;
  JSON.parse(readFileSync(vectors, 'utf8')).forEach(({ frame, packets }, index) => {
    const bytes = packets.map((hex) => Buffer.from(hex, 'hex'));
    const batch = bytes.flatMap((packet) => [Buffer.of(packet.length & 255, packet.length >> 8), packet]);
    const seeds = {
      fuzz_split: Buffer.from(frame, 'hex'),
      fuzz_coalesce: Buffer.concat([Buffer.of(1), ...batch]),
      fuzz_headers: bytes[0],
    };
    if (seeds[target]) writeFileSync(join(corpus, String(index)), seeds[target]);
  });
}
