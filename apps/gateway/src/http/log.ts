import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/gateway-config.js';

/** Keys whose values never reach the log, wherever they stand in an object that somebody logs. */
const SECRET_KEYS = [
  'password',
  'secret',
  'token',
  'accessToken',
  'authorization',
  'cookie',
  'csrfToken',
  'passwordHash',
  'privateKey',
  'claim',
  'jws',
];
const REDACTED = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`, `*.*.*.${key}`]);

/** JSON lines; numbers of levels are pino's. */
export function pinoLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[secret]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Nest's `Logger` on pino: `new Logger('fleet').log('text')`, or an object with a `message`. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  /** Nest puts the context last, and before it, of errors, the stack. */
  #write(level: 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const room = typeof context === 'string' ? { room: context } : {};
    // Of Nest's own start-up only its warnings and errors are news.
    if (level === 'info' && typeof context === 'string' && NEST_ROOMS.has(context)) return;
    // What keeps it from starting is told by main, once.
    if (context === 'ExceptionHandler') return;
    const stack = rest.length > 1 && typeof rest[0] === 'string' ? { stack: rest[0] } : {};
    if (message instanceof Error) this.pino[level]({ ...room, err: message }, message.message);
    else if (typeof message === 'object' && message !== null) this.pino[level]({ ...room, ...message });
    else this.pino[level]({ ...room, ...stack }, String(message));
  }
}

const NEST_ROOMS = new Set([
  'NestFactory',
  'NestApplication',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
]);
