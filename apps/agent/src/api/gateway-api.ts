import {
  Challenge,
  EnrolmentAnswer,
  type EnrolmentRequest,
  Problem,
  type ProofOfPossession,
  readDocument,
} from '@corridor/contracts';
import { VERSION } from '@corridor/tunnel-host';
import { AgentError } from '../errors.js';
import { signWith } from '../identity/keys.js';
import type { PrivateSigningKey } from '../store/state.js';
import { type Answer, call, type Trust } from './https.js';

/** The gateway said no: `code` is the problem's own (claim-expired, device-revoked, …). */
export class Refused extends AgentError {
  override readonly name: 'AgentError' = 'AgentError';
  constructor(
    message: string,
    code: string,
    readonly status: number,
  ) {
    super(message, code);
  }
}

/** What a proof of possession may also ask for. */
export type Rotation = Pick<ProofOfPossession, 'nextIdentityKey' | 'nextTunnelPublicKey'>;

/** The gateway's REST API at one base URL, as far as a device needs it. */
export class GatewayApi {
  constructor(
    readonly base: URL,
    private readonly trust: Trust,
    private readonly signal?: AbortSignal,
  ) {}

  /** Trades a claim for a device. @throws Refused, AgentError */
  async enrol(identity: PrivateSigningKey, request: EnrolmentRequest): Promise<EnrolmentAnswer> {
    const answer = await this.post('enrolment', { jws: await signWith(identity, request) });
    return documentOf(EnrolmentAnswer, answer, this.base);
  }

  /** Credentials for the holder of the identity key, or `pending`. @throws Refused, AgentError */
  async renew(deviceId: string, identity: PrivateSigningKey, rotation: Rotation = {}): Promise<EnrolmentAnswer> {
    const { challenge } = documentOf(Challenge, await this.post('device/challenge', { deviceId }), this.base);
    const proof: ProofOfPossession = {
      kind: 'proof-of-possession',
      v: 1,
      deviceId,
      challenge,
      agentVersion: VERSION,
      ...rotation,
    };
    const answer = await this.post('device/token', { jws: await signWith(identity, proof) });
    return documentOf(EnrolmentAnswer, answer, this.base);
  }

  /** The device revokes itself. @throws Refused, AgentError */
  async leave(deviceId: string, identity: PrivateSigningKey): Promise<void> {
    const { credentials } = await this.renew(deviceId, identity);
    if (credentials === undefined) throw new AgentError('the enrolment still waits for approval', 'device-pending');
    const answer = await call('DELETE', apiUrl(this.base, 'device'), this.trust, { token: credentials.accessToken });
    if (answer.status >= 300) throw refusal(answer, this.base);
  }

  private async post(path: string, body: object): Promise<Answer> {
    const answer = await call('POST', apiUrl(this.base, path), this.trust, { body, signal: this.signal });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(answer, this.base);
  }
}

/** `https://gateway:8443` or `https://gateway:8443/api/v1` and a path below it. */
export function apiUrl(base: URL, path: string): URL {
  const root = base.pathname.replace(/\/+$/, '');
  return new URL(`${root.endsWith('/api/v1') ? root : `${root}/api/v1`}/${path}`, base);
}

function refusal({ status, body }: Answer, base: URL): AgentError {
  const problem = Problem.safeParse(body);
  if (!problem.success) {
    return new AgentError(
      `${base.origin}: HTTP status ${status} without a reason: is this a Corridor gateway?`,
      'not-gateway',
    );
  }
  const { code, title, detail, errors = [] } = problem.data;
  const more = errors.map(({ key, expected }) => `${key}: ${expected}`).join('; ');
  const text = [detail ?? title, more].filter((part) => part !== '').join(' ');
  return new Refused(text, code, status);
}

function documentOf<S extends Parameters<typeof readDocument>[0]>(schema: S, { body }: Answer, base: URL) {
  const read = readDocument(schema, body);
  if (!read.ok) throw new AgentError(`${base.origin}: ${read.reason}: is this a Corridor gateway?`, 'not-gateway');
  return read.value as S extends { _zod: { output: infer T } } ? T : never;
}
