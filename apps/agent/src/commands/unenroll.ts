import { GatewayApi } from '../api/gateway-api.js';
import type { AgentConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { runningAgent } from '../status/running-agent.js';
import { State } from '../store/state.js';

/** How long a running agent may take to end, milliseconds. */
const STOP_MS = 10_000;

/**
 * Ends the enrolment of this machine: the gateway is told when it is in reach, and the keys are wiped in any case. A
 * running agent is stopped only when `stop` says so. Answers the exit code.
 */
export async function unenroll(config: AgentConfig, { stop }: { readonly stop: boolean }): Promise<number> {
  const running = await runningAgent(config.control);
  if (running !== undefined) {
    if (!stop) {
      throw new AgentError(
        `the agent is running (process ${running.process.pid}): stop it first (systemctl stop corridor-agent), or say --stop`,
        'running',
      );
    }
    await stopAgent(config.control, running.process.pid);
  }
  const state = State.open(config.stateDir, (sentence) => process.stderr.write(`corridor-agent: ${sentence}\n`));
  const device = state.readOr('device');
  if (device === undefined) {
    state.wipe();
    process.stdout.write('This machine is not enrolled; nothing is left of an enrolment.\n');
    return 0;
  }
  const told = await new GatewayApi(new URL(device.url), { fingerprint: device.fingerprint })
    .leave(device.deviceId, device.keys.identity)
    .then(
      () => '',
      (error: Error) => error.message,
    );
  state.wipe();
  process.stdout.write(
    told === ''
      ? 'The gateway has revoked this device; its keys and policies are gone from this machine.\n'
      : `Keys and policies are gone from this machine. The gateway was not told (${told}): revoke device ${device.deviceId} in the console.\n`,
  );
  return 0;
}

async function stopAgent(control: string, pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const until = performance.now() + STOP_MS;
  while ((await runningAgent(control).catch(() => undefined)) !== undefined) {
    if (performance.now() > until) throw new AgentError(`process ${pid} does not end: stop it by hand`, 'running');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
