import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, STATUS_OF } from '../kernel/domain-error.js';
import { newId } from '../kernel/ids.js';
import { isUnavailable } from '../store/unavailable.js';
import { databaseUnavailable } from './database-gate.js';
import { type Problem, problem, ValidationError } from './problem.js';

/** Every answer that is no success leaves here: RFC 9457, without a word about our insides. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    // The live feed says what is wrong in its own words.
    if (host.getType() !== 'http') return;
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    if (reply.sent) return;
    const refusal = isUnavailable(error) ? databaseUnavailable() : error;
    const answer = this.#problemOf(refusal, http.getRequest<FastifyRequest>());
    if (refusal instanceof DomainError && refusal.retryAfterSeconds !== undefined) {
      void reply.header('retry-after', refusal.retryAfterSeconds);
    }
    void reply.code(answer.status).header('content-type', 'application/problem+json').send(JSON.stringify(answer));
  }

  #problemOf(error: unknown, request: FastifyRequest): Problem {
    if (error instanceof DomainError) return problem(STATUS_OF[error.kind], error.code, error.message);
    if (error instanceof ValidationError) {
      return { ...problem(422, 'invalid', error.message), errors: [...error.errors] };
    }
    const status = clientStatus(error);
    if (status !== undefined) return problem(status, codeOf(status), (error as Error).message);
    return this.#unexpected(error, request);
  }

  /** Ours to repair: the log has the details, the answer the id to find them by. */
  #unexpected(error: unknown, request: FastifyRequest): Problem {
    const id = newId();
    const stack = error instanceof Error ? error.stack : String(error);
    this.#log.error(`${request.method} ${request.routeOptions.url ?? '(no route)'} failed, incident ${id}`, stack);
    return { ...problem(500, 'internal', `Something went wrong here; incident ${id}.`), instance: `urn:uuid:${id}` };
  }
}

/** Of what Nest (no such route) and Fastify (body too large, broken JSON, …) refuse by themselves. */
function clientStatus(error: unknown): number | undefined {
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown })?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

function codeOf(status: number): string {
  const codes: Readonly<Record<number, string>> = {
    404: 'route-unknown',
    405: 'method-not-allowed',
    413: 'too-large',
    414: 'url-too-long',
    415: 'media-type',
  };
  return codes[status] ?? 'bad-request';
}
