import { ConfigError } from './config/gateway-config.js';
import { DomainError } from './kernel/domain-error.js';
import { SecretFileError } from './kernel/secret-file.js';
import { StartError } from './kernel/start-error.js';

/** What a person can act on is told as a sentence, a bug with its stack. Answers the exit code. */
export function explain(error: unknown): number {
  const toldAs = [ConfigError, DomainError, SecretFileError, StartError].some((type) => error instanceof type);
  const text = error instanceof Error ? (toldAs ? error.message : error.stack) : String(error);
  process.stderr.write(`corridor-gateway: ${text}\n`);
  return toldAs ? 2 : 1;
}
