/** The gateway cannot start as it was told to; the message names what to change. Never for bugs. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
