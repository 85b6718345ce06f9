/**
 * `npm run bench -- fleet [--devices 1000] [--seconds 300] [--pushes 200] [--profile FOLDER]`: a gateway with everything
 * embedded and no tunnel, that many simulated vehicles with real MQTT sessions in this process, one frame a second each,
 * and a console beside them. Prints what dispatchers would feel and what the gateway took for it; writes
 * results/fleet.json, and into FOLDER a CPU profile of the gateway.
 */
import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from './device.mjs';
import { startGateway } from './gateway-process.mjs';
import { judge, quantile, report } from './report.mjs';
import { inParallel, Rest } from './rest.mjs';

const RESULTS = fileURLToPath(new URL('../../../../results/', import.meta.url));
/** Each device sends in one of these slots of a second, so that load is even, as it is with a thousand clocks. */
const SLOTS = 100;
const WARM_UP_SECONDS = 30;
const REQUESTS_PER_SECOND = 20;
const DRAIN_MS = 20_000;
/** Credentials live for 15 minutes, and this fleet does not renew them. */
const MOST_SECONDS = 600;

const { devices: count, seconds, pushes, profile } = readOptions();
const say = (text) => process.stderr.write(`fleet: ${text}\n`);
const observer = fork(fileURLToPath(new URL('./observer.mjs', import.meta.url)));
const starting = startGateway(profile);
let gateway;
let ending;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    interrupted = true;
    void end().then(() => process.exit(130));
  });
}
try {
  gateway = await starting;
  const result = await measure();
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}fleet.json`, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(report(result));
  process.exitCode = result.targets.every(({ met }) => met) ? 0 : 1;
} catch (error) {
  // What was interrupted fails somewhere on its way out, which is no news.
  if (!interrupted) throw error;
} finally {
  await end();
}

function end() {
  observer.kill();
  ending ??= starting.then(
    (started) => started.stop(),
    () => undefined, // it has cleaned up itself
  );
  return ending;
}

/** Wrong use ends with one sentence and code 2. */
function readOptions() {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { devices: text, seconds: text, pushes: text, profile: text } });
    const { devices = '1000', seconds = '300', pushes = '200' } = values;
    return {
      devices: numberOf('devices', devices, 1, 10_000),
      seconds: numberOf('seconds', seconds, 5, MOST_SECONDS),
      pushes: numberOf('pushes', pushes, 0, 10_000),
      profile: values.profile,
    };
  } catch (error) {
    process.stderr.write(`fleet: ${error.message}\n`);
    process.exit(2);
  }
}

function numberOf(name, text, least, most) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`--${name}: expected a whole number from ${least} to ${most}, got "${text}"`);
}

async function measure() {
  const devices = await enrol();
  await inParallel(devices, 50, (device) => device.connect());
  say(`${devices.length} MQTT sessions`);
  const beat = startBeat(devices);
  await tell('start', { socket: gateway.socket, password: gateway.password, requestsPerSecond: REQUESTS_PER_SECOND });
  await sleep(Math.min(WARM_UP_SECONDS, seconds) * 1000);
  const before = { at: performance.now(), ...gateway.usage(), numbered: sum(devices, 'numbered') };
  await tell('measure');
  say(`measuring for ${seconds} s`);
  const memory = sampleMemory();
  const pushing = pushes > 0 ? tell('push', { count: pushes, everyMs: 20 }) : Promise.resolve();
  await sleep(seconds * 1000);
  const after = { at: performance.now(), ...gateway.usage(), numbered: sum(devices, 'numbered') };
  memory.stop();
  await pushing;
  const { figures } = await tell('stop');
  beat.stop();
  const undelivered = await drain(devices);
  const elapsed = (after.at - before.at) / 1000;
  const measured = {
    at: new Date().toISOString(),
    machine: { cpus: cpus().length, model: cpus()[0].model, node: process.versions.node },
    devices: devices.length,
    seconds: Math.round(elapsed),
    framesPerSecond: (after.numbered - before.numbered) / elapsed,
    latestTickMs: quantile(beat.lateness, 0.99),
    connected: devices.filter((device) => device.connected).length,
    records: { numbered: sum(devices, 'numbered'), undelivered, dropped: sum(devices, 'dropped') },
    policiesRefused: devices.reduce((all, device) => all + device.refused, 0),
    gateway: {
      cpuCores: (after.cpuSeconds - before.cpuSeconds) / elapsed,
      rss: memory.samples,
      warnings: gateway.warnings(),
    },
    feed: {
      messagesPerSecond: figures.messages / elapsed,
      bytesPerSecond: figures.bytes / elapsed,
      snapshots: figures.snapshots,
    },
    latencyMs: { feed: figures.feed, events: figures.events, pushes: figures.pushes, rest: figures.rest },
    errors: figures.errors,
  };
  await Promise.all(devices.map((device) => device.end()));
  return judge(measured);
}

async function enrol() {
  const rest = await new Rest(gateway.socket).login('admin', gateway.password);
  const startedMs = performance.now();
  const indices = Array.from({ length: count }, (_, index) => index);
  const devices = await inParallel(indices, 12, (index) => Device.enrol(rest, index));
  say(`${count} devices enrolled through REST in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return devices;
}

/** One timer for all: a device's second falls into its slot. How late the timer was says whether this process keeps up. */
function startBeat(devices) {
  const lateness = [];
  const startedMs = performance.now();
  let slot = 0;
  const tick = () => {
    const dueSlot = Math.floor(((performance.now() - startedMs) * SLOTS) / 1000);
    lateness.push(performance.now() - startedMs - (slot * 1000) / SLOTS);
    for (; slot <= dueSlot; slot += 1) {
      for (let index = slot % SLOTS; index < devices.length; index += SLOTS) devices[index].second();
    }
  };
  const timer = setInterval(tick, 1000 / SLOTS);
  return { lateness, stop: () => clearInterval(timer) };
}

function sampleMemory() {
  const startedMs = performance.now();
  const samples = [];
  const sample = () =>
    samples.push({ s: Math.round((performance.now() - startedMs) / 1000), bytes: gateway.usage().rssBytes });
  sample();
  const timer = setInterval(sample, 2000);
  return { samples, stop: () => clearInterval(timer) };
}

/** Until everything is acknowledged, or for so long; answers how many records are not. */
async function drain(devices) {
  const deadline = performance.now() + DRAIN_MS;
  while (sum(devices, 'held') > 0 && performance.now() < deadline) {
    for (const device of devices) device.flush();
    await sleep(200);
  }
  return sum(devices, 'held');
}

function sum(devices, figure) {
  return devices.reduce((all, device) => all + device.spool.figures[figure], 0);
}

/** Answers when the observer has done it; fails when it ends instead. */
function tell(type, options = {}) {
  return new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`the observer ended with code ${code}`));
    const take = (answer) => {
      if (answer.type !== `${type}-done`) return;
      observer.off('message', take).off('exit', ended);
      if (answer.error) reject(new Error(`${type}: ${answer.error}`));
      else resolve(answer);
    };
    observer.on('message', take).once('exit', ended);
    observer.send({ type, ...options }, (error) => error && reject(error));
  });
}
