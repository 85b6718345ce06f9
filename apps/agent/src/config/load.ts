import { readFileSync } from 'node:fs';
import { keyOf } from '@corridor/contracts';
import type { z } from 'zod';
import { codeOf, reasonOf, UsageError } from '../errors.js';
import { type AgentConfig, agentSchema } from './schema.js';

export const DEFAULT_CONFIG = '/etc/corridor/agent.json';

/**
 * Reads and checks the configuration. Without `file` the default one is read when it exists; a file that somebody
 * named must exist.
 * @throws UsageError with every mistake, one sentence a line.
 */
export function loadConfig(file: string | undefined): AgentConfig {
  const named = file ?? DEFAULT_CONFIG;
  const parsed = agentSchema.safeParse(read(named, file === undefined));
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.flatMap(sentencesOf);
  throw new UsageError(sentences.map((sentence) => `${named}: ${sentence}`).join('\n'));
}

function read(file: string, mayBeMissing: boolean): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (mayBeMissing && codeOf(error) === 'ENOENT') return {};
    throw new UsageError(`${file}: cannot be read: ${reasonOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}: is not JSON: ${(error as Error).message}`);
  }
}

/** One sentence for each mistake; of unknown keys, one for each key. */
function sentencesOf(issue: z.core.$ZodIssue): string[] {
  const at = (path: readonly PropertyKey[], what: string) => (path.length === 0 ? what : `${keyOf(path)}: ${what}`);
  if (issue.code !== 'unrecognized_keys') return [at(issue.path, issue.message)];
  return issue.keys.map((key) => at([...issue.path, key], "is not a key of the agent's configuration"));
}
