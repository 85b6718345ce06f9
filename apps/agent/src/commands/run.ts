import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ControlError, ControlServer, Log } from '@corridor/tunnel-host';
import { Agent } from '../agent.js';
import type { AgentConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { State } from '../store/state.js';

/** Signals that end the agent in good order; SIGHUP comes when a terminal closes. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** After so long everything has been loaded that an ordinary day needs, milliseconds. */
const SETTLED_MS = 5000;

/** Runs the agent until a signal; answers the exit code. */
export async function run(config: AgentConfig): Promise<number> {
  const log = new Log(config.logLevel, process.stderr.isTTY === true);
  watchForBugs(log);
  const stop = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal));
  });
  const state = State.open(config.stateDir, (sentence) => log.warn(sentence));
  const device = state.read('device');
  if (device === undefined) {
    throw new AgentError('this machine is not enrolled: corridor-agent enroll URL CLAIM', 'not-enrolled', 3);
  }
  let agent: Agent | undefined;
  const started = () => {
    if (agent === undefined) throw new ControlError('ERR_CONTROL_REQUEST', 'the agent is starting');
    return agent;
  };
  mkdirSync(dirname(config.control), { recursive: true });
  // The socket comes first: whoever holds it is the one agent that runs here.
  const control = await ControlServer.listen(config.control, {
    status: async () => started().status(),
    onEvent: (listener) => started().onEvent(listener),
    setPathBlocked: async (name, blocked) => started().setPathBlocked(name, blocked),
    setPolicy: async () => {
      throw new ControlError('ERR_CONTROL_METHOD', 'the policy of an enrolled vehicle comes from its gateway');
    },
  });
  agent = new Agent(state, device, config, log);
  await agent.start();
  setTimeout(collectGarbage, SETTLED_MS).unref();
  setInterval(collectGarbage, 60_000).unref();
  log.info(`agent of device ${device.deviceId} runs, control socket ${config.control}`, { pid: process.pid });
  const signal = await stop;
  log.info(`${signal}: closing`);
  await control.close();
  await agent.close(`stopped by ${signal}`);
  return 0;
}

/**
 * What loading and starting left behind is a third of the heap; later a frame a second makes little garbage, which V8 would
 * let grow by half of the heap before it looked. Some 15 ms of the main thread; packets move in another. There only with
 * --expose-gc, as in bin/corridor-agent.js.
 */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** A bug ends the process, but through its exit handlers, which put changed settings back, and in one entry. */
function watchForBugs(log: Log): void {
  const die = (error: unknown) => {
    const { message, stack } = error as Error;
    log.error(`a bug ended the agent: ${message}`, { stack });
    process.exit(1);
  };
  process.once('uncaughtException', die);
  process.once('unhandledRejection', die);
}
