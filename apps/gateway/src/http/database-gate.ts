import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { DomainError } from '../kernel/domain-error.js';
import { PrismaService } from '../store/prisma.service.js';

/** No request waits for a database that has just gone: those under way are answered as soon as the probe knows. */
@Injectable()
export class DatabaseGate implements NestInterceptor {
  constructor(@Inject(PrismaService) private readonly store: PrismaService) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    return new Observable((subscriber) => {
      const forget = this.store.onReady((ready) => {
        if (!ready) subscriber.error(databaseUnavailable());
      });
      const work = next.handle().subscribe(subscriber);
      return () => {
        forget();
        work.unsubscribe();
      };
    });
  }
}

/** The same for a promise. */
export async function unlessDatabaseGoes<T>(store: PrismaService, work: Promise<T>): Promise<T> {
  let forget = () => {};
  const gone = new Promise<never>((_, reject) => {
    forget = store.onReady((ready) => {
      if (!ready) reject(databaseUnavailable());
    });
  });
  return Promise.race([work, gone]).finally(() => forget());
}

export function databaseUnavailable(): DomainError {
  const detail = 'The database does not answer at this moment; try again soon.';
  return new DomainError('unavailable', 'database-unavailable', detail, 2);
}
