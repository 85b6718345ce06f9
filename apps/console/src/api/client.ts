import { Problem, sentence } from '@corridor/contracts';
import type { z } from 'zod';

/** A refusal of the gateway, or the gateway out of reach. `message` is a sentence for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    message: string,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** Stable, from the problem document; "unreachable" when there was no answer. */
    readonly code: string,
    /** Of validation: what was expected, by key. */
    readonly expected: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

let csrfToken: string | null = null;
let onUnauthenticated: () => void = () => {};

/** Set at login; goes with every request that changes something. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when a request is refused because nobody is logged in (any more). */
export function whenUnauthenticated(listener: () => void): void {
  onUnauthenticated = listener;
}

/** One REST call below /api/v1; the answer is checked against `schema`. @throws ApiError */
export async function call<T>(
  schema: z.ZodType<T>,
  method: Method,
  path: string,
  options: { readonly body?: unknown; readonly signal?: AbortSignal; readonly onDate?: (date: Date) => void } = {},
): Promise<T> {
  const response = await fetched(method, path, options.body, options.signal);
  const date = response.headers.get('date');
  if (date !== null) options.onDate?.(new Date(date));
  if (!response.ok) throw await refusal(response, path);
  const answer = schema.safeParse(await bodyOf(response));
  if (answer.success) return answer.data;
  throw new ApiError(
    `The gateway's answer is not what this page expects (${sentence(answer.error)}). Reload the page; if that does not help, the two are of different versions.`,
    response.status,
    'unexpected-answer',
  );
}

async function fetched(method: Method, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrfToken !== null) headers['x-corridor-csrf'] = csrfToken;
  try {
    return await fetch(`/api/v1/${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('The gateway cannot be reached.', 0, 'unreachable');
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function refusal(response: Response, path: string): Promise<ApiError> {
  const problem = Problem.safeParse(await bodyOf(response));
  const isLogin = path === 'session';
  if (response.status === 401 && !isLogin) onUnauthenticated();
  if (!problem.success) {
    const message = `The gateway answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}.`;
    return new ApiError(message, response.status, 'unknown');
  }
  const { code, title, detail, errors } = problem.data;
  const expected = Object.fromEntries((errors ?? []).map((error) => [error.key, error.expected]));
  return new ApiError(sentenceOf(detail ?? title), response.status, code, expected);
}

/** With a capital first and a full stop last. */
function sentenceOf(text: string): string {
  const trimmed = text.trim();
  const ended = /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}

/** What a person reads about any error that a call threw. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
