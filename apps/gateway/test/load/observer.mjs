/**
 * A dispatcher's console and what it asks of REST, in a process of its own so that the simulated fleet does not slow it:
 * listens to the live feed, asks REST at a steady rate, and pushes policies when told. Answers its figures on request.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { sharedNowMs } from './device.mjs';
import { Rest } from './rest.mjs';

const FEED_KINDS = new Set(['live-snapshot', 'live-diff']);
const PATIENCE_MS = 10_000;
const METRICS_WINDOW_MS = 5 * 60_000;

const figures = { feed: [], events: [], rest: {}, pushes: [], messages: 0, bytes: 0, snapshots: 0, errors: [] };
const lastSentMs = new Map();
const waiting = new Map();
let measuring = false;
let rest;
let vehicleIds = [];
let polling;

process.on('message', async ({ type, ...options }) => {
  try {
    if (type === 'start') await start(options);
    if (type === 'measure') measuring = true;
    if (type === 'push') await push(options);
    if (type === 'stop') clearInterval(polling);
    process.send({ type: `${type}-done`, ...(type === 'stop' ? { figures } : {}) });
  } catch (error) {
    process.send({ type: `${type}-done`, error: error.message });
  }
});

async function start({ socket, password, requestsPerSecond }) {
  rest = await new Rest(socket).login('admin', password);
  await listen(socket);
  const requests = requestKinds();
  let turn = 0;
  polling = setInterval(() => {
    turn += 1;
    void ask(...requests[turn % requests.length]);
  }, 1000 / requestsPerSecond);
}

function listen(socket) {
  const feed = new WebSocket(`ws+unix://${socket}:/api/v1/live`, { headers: { cookie: rest.headers.cookie } });
  feed.on('close', (code, reason) => figures.errors.push(`the feed was closed: ${code} ${reason}`));
  return new Promise((resolve, reject) => {
    feed.on('error', reject);
    feed.on('message', (data) => {
      const message = JSON.parse(data.toString('utf8'));
      if (!FEED_KINDS.has(message.kind)) return;
      take(message, data.length, sharedNowMs());
      resolve();
    });
  });
}

function take(message, bytes, nowMs) {
  if (message.kind === 'live-snapshot') {
    vehicleIds = message.vehicles.map(({ id }) => id);
    if (measuring) figures.snapshots += 1;
    return;
  }
  if (measuring) {
    figures.messages += 1;
    figures.bytes += bytes;
  }
  for (const { id, status } of message.changed) {
    const sentMs = status?.links?.find(({ vehicle }) => vehicle?.sentMs !== undefined)?.vehicle.sentMs;
    if (sentMs !== undefined && sentMs !== lastSentMs.get(id)) {
      lastSentMs.set(id, sentMs);
      if (measuring) figures.feed.push(nowMs - sentMs);
    }
    if (status?.policy !== undefined) waiting.get(id)?.(status.policy);
  }
  for (const { event } of message.events) {
    if (measuring && event.sentMs !== undefined) figures.events.push(nowMs - event.sentMs);
  }
}

/** What the pages of the console ask: name, and path for a vehicle. */
function requestKinds() {
  const some = () => vehicleIds[Math.floor(Math.random() * vehicleIds.length)];
  return [
    ['list of 100 vehicles', () => '/api/v1/vehicles?limit=100'],
    ['one vehicle', () => `/api/v1/vehicles/${some()}`],
    ['metrics of 5 minutes', () => `/api/v1/vehicles/${some()}/metrics?${window()}`],
    ['events of one vehicle', () => `/api/v1/events?limit=100&vehicleId=${some()}`],
    ['policy of one vehicle', () => `/api/v1/vehicles/${some()}/policy`],
  ];
}

function window() {
  const to = new Date();
  return `from=${new Date(to.getTime() - METRICS_WINDOW_MS).toISOString()}&to=${to.toISOString()}`;
}

async function ask(name, path) {
  const startedMs = performance.now();
  try {
    await rest.get(path());
    if (!measuring) return;
    figures.rest[name] ??= [];
    figures.rest[name].push(performance.now() - startedMs);
  } catch (error) {
    figures.errors.push(error.message);
  }
}

/** Saves a policy of one vehicle after the other and waits until the feed shows it applied. */
async function push({ count, everyMs }) {
  for (let index = 0; index < count; index += 1) {
    try {
      figures.pushes.push(await pushOne(vehicleIds[(index * 37) % vehicleIds.length]));
    } catch (error) {
      figures.errors.push(error.message);
    }
    await sleep(everyMs);
  }
}

/** Answers the milliseconds from the request to the message that says applied. */
async function pushOne(id) {
  const { version: baseVersion } = await rest.get(`/api/v1/policies/vehicle/${id}`);
  const strategy = baseVersion % 2 === 0 ? 'smallest-delay' : 'active-standby';
  const layer = { kind: 'policy-layer', v: 1, default: { strategy }, classes: [], without: [] };
  const { target } = (await rest.get(`/api/v1/vehicles/${id}`)).status.policy;
  const applied = new Promise((resolve) => {
    waiting.set(id, (policy) => policy.applied > target && resolve(performance.now()));
  });
  const startedMs = performance.now();
  try {
    await rest.put(`/api/v1/policies/vehicle/${id}`, { layer, baseVersion, comment: 'load' });
    const appliedMs = await Promise.race([applied, sleep(PATIENCE_MS, undefined, { ref: false })]);
    if (appliedMs === undefined) throw new Error(`version ${target + 1} of ${id} was not applied in ${PATIENCE_MS} ms`);
    return appliedMs - startedMs;
  } finally {
    waiting.delete(id);
  }
}
