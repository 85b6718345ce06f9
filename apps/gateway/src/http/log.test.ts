import { describe, expect, it } from 'vitest';
import { NestLog, pinoLogger } from './log.js';

function capture(level: 'debug' | 'info' | 'warn' | 'error' = 'info') {
  const lines: string[] = [];
  const pino = pinoLogger(level, { write: (line) => void lines.push(line) });
  return { log: new NestLog(pino), pino, lines, entries: () => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('is one JSON object a line, with level, time and room', () => {
    const { log, entries } = capture();
    log.log('committed', 'telemetry');
    expect(entries()).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), room: 'telemetry', message: 'committed' },
    ]);
  });

  it('shows no value under a secret key, however deep', () => {
    const { log, lines } = capture();
    log.log(
      { message: 'x', password: 'sec-1', request: { headers: { authorization: 'sec-2', cookie: 'sec-3' } } },
      'x',
    );
    log.warn({
      message: 'x',
      operator: { passwordHash: 'sec-4' },
      token: 'sec-5',
      a: { b: { c: { secret: 'sec-6' } } },
    });
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/sec-\d/);
    expect(lines.join('')).toContain('[secret]');
  });

  it('keeps the stack of an error, and of nothing else', () => {
    const { log, entries } = capture();
    log.error('GET / failed', 'Error: x\n    at y.ts:1', 'http');
    log.error(new Error('broken'), 'http');
    expect(entries()[0]).toMatchObject({ level: 'error', room: 'http', stack: 'Error: x\n    at y.ts:1' });
    expect(entries()[1].err).toMatchObject({ type: 'Error', message: 'broken' });
  });

  it('is quiet about what is below its level, and about how Nest starts', () => {
    const { log, lines } = capture('warn');
    log.log('hello', 'fleet');
    log.debug('hello', 'fleet');
    log.verbose('hello', 'fleet');
    expect(lines).toEqual([]);
    const info = capture('info');
    info.log.log('Mapped {/api/v1/x, GET} route', 'RouterExplorer');
    info.log.warn('something odd', 'RouterExplorer');
    expect(info.entries().map(({ message }) => message)).toEqual(['something odd']);
  });
});
