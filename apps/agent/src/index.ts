/** What tests of other rooms may look at; the agent itself is a program: bin/corridor-agent.js. */
export { type AgentConfig, agentSchema } from './config/schema.js';
export type { AgentReport } from './status/report.js';
