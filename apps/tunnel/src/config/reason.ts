/** "no such file or directory" out of Node's "ENOENT: no such file or directory, open '...'". */
export function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return /^[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
