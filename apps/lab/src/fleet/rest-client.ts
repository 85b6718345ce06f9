/** The gateway's REST API for the lab: over the unix socket, with an operator's session, as a browser would. */
import { request } from 'node:http';
import { Problem, Session } from '@corridor/contracts';
import type { z } from 'zod';

const TIMEOUT_MS = 20_000;

export class RestError extends Error {
  override readonly name = 'RestError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class RestClient {
  private cookie = '';
  private csrfToken = '';

  /** @param socketPath CORRIDOR_HTTP_SOCKET of the gateway. */
  constructor(private readonly socketPath: string) {}

  /** @throws RestError for a wrong password. */
  async login(username: string, password: string): Promise<Session> {
    const session = await this.call('POST', '/api/v1/session', Session, { username, password });
    this.csrfToken = session.csrfToken;
    return session;
  }

  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.call('GET', path, schema);
  }

  /** @throws RestError with the problem's code and sentence. */
  async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const { status, text } = await this.raw(method, path, body);
    if (status >= 400) {
      const problem = Problem.safeParse(parse(text));
      const { code, detail, title } = problem.data ?? {
        code: 'no-problem',
        detail: undefined,
        title: text.slice(0, 200),
      };
      throw new RestError(status, code, `${method} ${path}: ${status} ${code}: ${detail ?? title}`);
    }
    return schema.parse(text === '' ? undefined : parse(text));
  }

  /** Status and body of any request; never throws for a status. @throws Error when nobody answers. */
  raw(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/json',
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        ...(this.csrfToken === '' ? {} : { 'x-corridor-csrf': this.csrfToken }),
      };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const asked = request({ socketPath: this.socketPath, method, path, headers, signal }, (response) => {
        const cookie = response.headers['set-cookie']?.[0]?.split(';')[0];
        if (cookie !== undefined) this.cookie = cookie;
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => {
            text += chunk;
          })
          .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
          .on('error', reject);
      });
      asked.on('error', reject).end(payload);
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
