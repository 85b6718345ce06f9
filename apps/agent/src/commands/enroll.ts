import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Claim, type EnrolmentAnswer, type EnrolmentRequest, parseClaim } from '@corridor/contracts';
import { VERSION } from '@corridor/tunnel-host';
import { GatewayApi } from '../api/gateway-api.js';
import { renewAnywhere } from '../api/renewal.js';
import { monoMs, TrustedClock } from '../clock/trusted-clock.js';
import type { AgentConfig } from '../config/schema.js';
import { AgentError, UsageError } from '../errors.js';
import { makeKeyPair, tunnelPublicKey } from '../identity/keys.js';
import { runningAgent } from '../status/running-agent.js';
import { type KeyPair, State, type StoredDevice } from '../store/state.js';

export interface EnrolOptions {
  readonly replace: boolean;
  /** Wait for the approval of an operator; otherwise `run` does. */
  readonly wait: boolean;
}

/** Enrols this machine; answers the exit code. Says on standard output what it does and what it waits for. */
export async function enroll(
  config: AgentConfig,
  url: string,
  claimText: string,
  options: EnrolOptions,
): Promise<number> {
  const claim = parseClaim(claimText);
  if (claim === undefined)
    throw new UsageError('enroll: expected a claim such as "corridor1.….….…", as the console shows it');
  const base = readUrl(url);
  if ((await runningAgent(config.control)) !== undefined) {
    throw new AgentError('the agent is running: stop it first (systemctl stop corridor-agent)', 'running');
  }
  const state = State.open(config.stateDir, say);
  mayEnrol(state, claim, options);

  // The keys are on disk before the gateway hears of them: an answer that gets lost is asked for again. Those of an
  // enrolment that is to be replaced stay until the new one stands.
  const keys = begunWith(state, claim) ?? (await makeKeyPair());
  state.write('candidate', { claimId: claim.claimId, keys });
  const askedMonoMs = monoMs();
  const api = new GatewayApi(base, { fingerprint: claim.fingerprint });
  const request: EnrolmentRequest = {
    kind: 'enrolment-request',
    v: 1,
    claimId: claim.claimId,
    secret: claim.secret,
    tunnelPublicKey: tunnelPublicKey(keys.tunnel),
    hostname: hostname().slice(0, 80) || 'unnamed',
    model: boardModel(),
    agentVersion: VERSION,
  };
  const answer = await api.enrol(keys.identity, request);
  const device: StoredDevice = {
    url: base.href,
    fingerprint: claim.fingerprint,
    claimId: claim.claimId,
    deviceId: answer.deviceId,
    state: 'pending',
    keys,
  };
  state.write('device', device);
  for (const name of ['candidate', 'credentials', 'policies', 'time'] as const) state.remove(name);
  if (!keep(state, device, answer, askedMonoMs)) {
    say(`${base.origin} knows this device as ${answer.deviceId} and waits for the approval of an operator.`);
    if (!options.wait) return 3;
    await untilApproved(state, device, answer.retryAfterSeconds ?? 5);
  }
  const credentials = state.read('credentials')!;
  say(
    `Enrolled: this is ${credentials.vehicleName} of ${credentials.organisation}, ${credentials.tunnel.addresses[0]}.`,
  );
  return 0;
}

/** Stores the credentials of an answer; false: there were none yet. */
export function keep(state: State, device: StoredDevice, answer: EnrolmentAnswer, askedMonoMs: number): boolean {
  const { credentials } = answer;
  if (answer.state !== 'active' || credentials === undefined) return false;
  const clock = new TrustedClock(undefined);
  state.write('time', clock.learn(Date.parse(credentials.issuedAt), credentials.expiresInSeconds, askedMonoMs));
  state.write('credentials', credentials);
  state.write('device', { ...device, state: 'active' });
  return true;
}

async function untilApproved(state: State, device: StoredDevice, seconds: number): Promise<void> {
  let pause = seconds;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    const askedMonoMs = monoMs();
    try {
      const answer = await renewAnywhere(device, undefined, device.keys.identity, undefined, false);
      if (keep(state, device, answer, askedMonoMs)) return;
      pause = answer.retryAfterSeconds ?? seconds;
    } catch (error) {
      if (!(error instanceof AgentError) || !['unreachable', 'device-pending'].includes(error.code)) throw error;
      if (error.code === 'unreachable') say(`${error.message}; trying again`);
    }
  }
}

/** @throws AgentError when there is an enrolment already that the operator did not ask to replace. */
function mayEnrol(state: State, claim: Claim, { replace }: EnrolOptions): void {
  if (replace) return;
  const device = state.read('device');
  if (device === undefined || (device.state === 'pending' && device.claimId === claim.claimId)) return;
  throw new AgentError(
    `this machine is enrolled already as device ${device.deviceId} at ${new URL(device.url).origin}: say --replace to enrol it anew`,
    'enrolled',
  );
}

/** The keys with which an enrolment by this claim was begun before: its answer got lost, or it waits for approval. */
function begunWith(state: State, { claimId }: Claim): KeyPair | undefined {
  return [state.readOr('candidate'), state.readOr('device')].find((begun) => begun?.claimId === claimId)?.keys;
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.username === '' && url.search === '') return url;
  throw new UsageError(
    `enroll: expected the gateway's https address, such as https://gateway.example:8443, not "${text}"`,
  );
}

/** Such as "Raspberry Pi 5 Model B Rev 1.0"; empty where the machine does not say. */
function boardModel(): string {
  for (const file of ['/proc/device-tree/model', '/sys/devices/virtual/dmi/id/product_name']) {
    try {
      return readFileSync(file, 'utf8').replace(/\0+$/, '').trim().slice(0, 120);
    } catch {
      // Not this kind of machine.
    }
  }
  return '';
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
