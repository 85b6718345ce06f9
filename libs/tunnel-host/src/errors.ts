export type HostErrorCode =
  | 'ERR_HOST_CONFIG'
  | 'ERR_HOST_SYSTEM'
  | 'ERR_ALREADY_RUNNING'
  | 'ERR_WORKER_DIED'
  | 'ERR_HOST_CLOSED'
  | 'ERR_WRONG_ROLE'
  | 'ERR_UNKNOWN_PATH';

/** The host could not do what was asked; the message is one sentence for the operator. */
export class HostError extends Error {
  override readonly name = 'HostError';
  constructor(
    readonly code: HostErrorCode | (string & {}),
    message: string,
  ) {
    super(message);
  }
}
