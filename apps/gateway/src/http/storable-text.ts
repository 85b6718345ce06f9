import { unstorable } from '@corridor/contracts';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { DomainError } from '../kernel/domain-error.js';

/** Refuses requests with text that PostgreSQL cannot hold, wherever it stands: schemas speak of meaning, not of bytes. */
@Injectable()
export class StorableText implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { body, query, params } = context.switchToHttp().getRequest<FastifyRequest>();
    const reason = unstorable(body) ?? unstorable(query) ?? unstorable(params);
    if (reason !== undefined) throw new DomainError('invalid', 'invalid', `The request: ${reason}.`);
    return next.handle();
  }
}
