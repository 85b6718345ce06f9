/**
 * Runs scenarios on the virtual clock and prints what came of them:
 *
 *   node libs/sim/test/simulate.mjs NAME... [--seeds N] [--seed FIRST] [--strategy NAME] [--events] [--json] [--no-build]
 *   node libs/sim/test/simulate.mjs drive [LOAD...] [--traces DIR] [--from SECONDS] [--seconds N]
 *   node libs/sim/test/simulate.mjs list
 *
 * A name that ends in `*` stands for all that begin so. --strategy replaces that of the default class. --events prints
 * path switches and states. `drive` runs three operators at once, recorded (NAME.up and NAME.down in DIR, mahimahi) or
 * synthetic, beside the bound: what nobody can beat on these traces. Builds the rooms it needs first, unless told not to.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { handshake } from './node-handshake.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    strategy: { type: 'string' },
    traces: { type: 'string' },
    from: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '120' },
    events: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
  },
});

if (!values['no-build']) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const built = spawnSync(process.execPath, [tsc, '-b', join(root, 'libs/sim')], { encoding: 'utf8' });
  if (built.status !== 0) process.stderr.write(`the build complains, running it all the same:\n${built.stdout}\n`);
}
const sim = await import('../dist/index.js');
const { goodputBps, runScenario, scenarioNamed, scenarios } = sim;

if (positionals.length === 0 || positionals[0] === 'list') {
  for (const { name, description } of scenarios) console.log(`${name.padEnd(34)} ${description}`);
} else if (positionals[0] === 'drive') {
  const loads = positionals.length > 1 ? positionals.slice(1) : sim.DRIVE_LOADS;
  for (const load of loads) drive(load);
} else {
  for (const scenario of positionals.flatMap(named)) run(scenario);
}

function drive(load) {
  const operators = values.traces === undefined ? sim.syntheticDrive(Number(values.seed)) : recorded(values.traces);
  const durationUs = Number(values.seconds) * 1e6;
  const scenario = sim.recordedDrive(
    { name: 'drive', operators, durationUs, fromMs: Number(values.from) * 1_000 },
    load,
  );
  run(scenario);
  const [{ direction }] = scenario.traffic;
  const links = sim.boundLinks(scenario, direction);
  for (const spec of scenario.traffic) {
    const { startUs, stopUs } = spec;
    if (spec.kind === 'tcp') {
      console.log(`  the traces offer ${(sim.offeredBps(links, startUs, stopUs) / 1e6).toFixed(2)} Mbit/s`);
      continue;
    }
    const intervalUs = sim.trafficIntervalUs(spec);
    const bound = sim.deliveryBound({ links }, { bytes: spec.bytes + 40, intervalUs, startUs, stopUs });
    const ms = (us) => (us / 1000).toFixed(1);
    const line = (figures) =>
      `p50 ${ms(figures.p50Us)} p95 ${ms(figures.p95Us)} p99 ${ms(figures.p99Us)} max ${ms(figures.maxUs)}`;
    console.log(`  bound of ${spec.kind}: ${line(bound)}; each alone: ${line(bound.floor)} ms`);
  }
}

function recorded(folder) {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.up'))
    .sort();
  const read = (file) => sim.parseMahimahi(readFileSync(join(folder, file), 'utf8'));
  return names.map((file) => ({
    name: file.slice(0, -3),
    up: read(file),
    down: read(`${file.slice(0, -3)}.down`),
  }));
}

function named(name) {
  if (!name.endsWith('*')) return [scenarioNamed(name)];
  return scenarios.filter((scenario) => scenario.name.startsWith(name.slice(0, -1)));
}

function run(given) {
  const scenario = values.strategy === undefined ? given : withStrategy(given, values.strategy);
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const startedMs = performance.now();
    const result = runScenario(scenario, { seed, handshake });
    const tookMs = performance.now() - startedMs;
    if (values.json) console.log(JSON.stringify({ seed, tookMs, ...result }));
    else print(scenario, seed, result, tookMs);
  }
}

function withStrategy(scenario, strategy) {
  return { ...scenario, policy: { ...scenario.policy, default: { ...scenario.policy.default, strategy } } };
}

function print(scenario, seed, result, tookMs) {
  const seconds = scenario.durationUs / 1e6;
  console.log(`\n${scenario.name} seed ${seed}: ${seconds} s in ${(tookMs / 1000).toFixed(2)} s`);
  for (const flow of result.flows) console.log(flowLine(flow));
  for (const link of result.links) {
    console.log(`  ${link.link.padEnd(12)} up ${wayLine(link.up, seconds)} | down ${wayLine(link.down, seconds)}`);
  }
  if (!values.events) return;
  for (const { by, event } of [...result.timeline, ...result.switches].sort((a, b) => a.event.atUs - b.event.atUs)) {
    const { type, atUs, ...rest } = event;
    console.log(`  ${(atUs / 1e6).toFixed(3).padStart(8)} ${by.padEnd(10)} ${type} ${JSON.stringify(rest)}`);
  }
}

function flowLine(flow) {
  const ms = (us) => (us / 1000).toFixed(1);
  const delays = `delay p50 ${ms(flow.delayP50Us)} p95 ${ms(flow.delayP95Us)} p99 ${ms(flow.delayP99Us)} max ${ms(flow.delayMaxUs)} ms`;
  const common = `sent ${flow.sent} lost ${flow.lost} twice ${flow.duplicates} gap ${ms(flow.longestGapUs)} ms at ${(flow.longestGapAtUs / 1e6).toFixed(2)} s`;
  if (flow.tcp === undefined) return `  ${flow.flow.padEnd(12)} ${common}; ${delays}`;
  const { tcp } = flow;
  const series = [];
  const lengthS = Math.floor(tcp.seriesBytes.length / 10);
  for (let second = 0; second < lengthS; second++) {
    series.push((goodputBps(tcp, second * 1e6, (second + 1) * 1e6) / 1e6).toFixed(0));
  }
  return (
    `  ${flow.flow.padEnd(12)} ${(flow.rateBps / 1e6).toFixed(2)} Mbit/s; ${common}; again ${tcp.retransmitted} for nothing ${tcp.spurious}` +
    ` recoveries ${tcp.recoveries} timeouts ${tcp.timeouts} marks ${tcp.congestionMarks} rtt min ${ms(tcp.minRttUs)} p50 ${ms(tcp.rttP50Us)} ms; ${delays}` +
    `\n  ${''.padEnd(12)} Mbit/s each second: ${series.join(' ')}`
  );
}

function wayLine(way, seconds) {
  const mbps = ((way.deliveredBytes * 8) / seconds / 1e6).toFixed(2);
  return `${mbps.padStart(6)} Mbit/s, ${way.offeredPackets} offered, lost ${way.lostPackets}, queue drops ${way.queueDrops}`;
}
