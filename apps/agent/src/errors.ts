/** The command line or the configuration cannot be understood; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something failed that a person can mend: one sentence, no stack; exit code 1 (3: there is no enrolment to work with). */
export class AgentError extends Error {
  override readonly name = 'AgentError';

  constructor(
    message: string,
    readonly code: string,
    readonly exitCode: 1 | 3 = 1,
  ) {
    super(message);
  }
}

/** "no such file or directory" out of Node's "ENOENT: no such file or directory, open '…'". */
export function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return /^[A-Z0-9_]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
