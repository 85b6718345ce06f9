import { ControlClient, ControlError } from '@corridor/tunnel-host';
import type { AgentReport } from './report.js';

/** The status of the agent that runs here, or undefined when none does. @throws ControlError when it must not be asked. */
export async function runningAgent(control: string): Promise<AgentReport | undefined> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect(control);
  } catch (error) {
    // Nothing listens there; "not allowed" means that somebody does.
    if (error instanceof ControlError && !error.message.includes('not allowed')) return undefined;
    throw error;
  }
  try {
    return (await client.status()) as AgentReport;
  } finally {
    client.close();
  }
}
