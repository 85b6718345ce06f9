export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
type Fields = Readonly<Record<string, unknown>>;

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One line an entry on standard error: for people on a terminal, JSON everywhere else. Never given a secret. */
export class Log {
  readonly #least: number;
  readonly #human: boolean;
  readonly #write: (line: string) => void;

  constructor(level: LogLevel, human: boolean, write: (line: string) => void = (line) => process.stderr.write(line)) {
    this.#least = RANK[level];
    this.#human = human;
    this.#write = write;
  }

  debug(message: string, fields?: Fields): void {
    this.entry('debug', message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.entry('info', message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.entry('warn', message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.entry('error', message, fields);
  }

  entry(level: LogLevel, message: string, fields: Fields = {}): void {
    if (RANK[level] < this.#least) return;
    const time = new Date().toISOString();
    const text = this.#human
      ? `${time.slice(11, 19)} ${level === 'info' ? '' : `${level}: `}${message}`
      : JSON.stringify({ time, level, message, ...fields });
    this.#write(`${text}\n`);
  }
}
