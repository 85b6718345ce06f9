/** Prisma's messages are of many lines, with the cause in the last one. */
export function lastLine({ message }: Error): string {
  return message.trim().split('\n').at(-1)!;
}
