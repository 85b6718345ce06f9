import type { AgentConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { runningAgent } from '../status/running-agent.js';
import { statusText } from '../status/status-text.js';

/** Prints what the running agent says of itself; answers the exit code. */
export async function status(config: AgentConfig, json: boolean): Promise<number> {
  const report = await runningAgent(config.control);
  if (report === undefined) {
    throw new AgentError(`no agent runs here (nothing answers at ${config.control})`, 'not-running');
  }
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : statusText(report));
  return 0;
}
