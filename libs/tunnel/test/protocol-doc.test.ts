/** docs/protocol.md says what the code does: layouts without holes, its constants, its examples. */
import { readFileSync } from 'node:fs';
import * as wire from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import * as tuning from '../src/constants.js';
import { REPLAY_WINDOW } from '../src/replay-window.js';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const text = read('docs/protocol.md');
const transport = JSON.parse(read('libs/wire/vectors/transport.json')) as { sealed: Record<string, string>[] };
const frames = JSON.parse(read('libs/wire/vectors/frames.json')) as { frames: Record<string, unknown>[] };
const handshake = JSON.parse(read('libs/tunnel/vectors/handshake.json')) as Record<string, string>;

/** Rows of every table whose first two columns are `head`. */
function tables(head: string): string[][][] {
  return text
    .split(`| ${head} |`)
    .slice(1)
    .map((part) => {
      const rows = part.split('\n').slice(2);
      const end = rows.findIndex((row) => !row.startsWith('|'));
      return rows.slice(0, end).map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    });
}

/** Hex behind a label in an indented block, its spaces and lines joined. */
function example(label: string, nth = 0): string {
  const lines = text.split('\n');
  const starts = lines.flatMap((line, index) => (line.startsWith(`    ${label.padEnd(14)}`) ? [index] : []));
  let hex = '';
  for (let i = starts[nth]; lines[i]?.startsWith('    '); i++) {
    if (i > starts[nth] && lines[i].slice(4, 18).trim() !== '') break;
    hex += lines[i].slice(18).replaceAll(' ', '');
  }
  return hex;
}

/** "120 s", "5 ms", "2^40", "2^48 - 1" and plain numbers, times in microseconds. */
function valueIn(cell: string): number {
  const [, base, power, minus, unit] = /^(\d+)(?:\^(\d+))?(?: - (\d+))?(?: (s|ms))?$/.exec(cell) as RegExpExecArray;
  const number = (power === undefined ? Number(base) : Number(base) ** Number(power)) - Number(minus ?? 0);
  return unit === 's' ? number * 1e6 : unit === 'ms' ? number * 1e3 : number;
}

describe('docs/protocol.md', () => {
  it('lays fields out without holes or overlaps', () => {
    const layouts = tables('offset | size');
    expect(layouts.length).toBe(19);
    for (const rows of layouts) {
      let at = 0;
      for (const [offset, size] of rows) {
        if (!/^\d+$/.test(offset)) break;
        expect(Number(offset), rows.join('\n')).toBe(at);
        if (!/^\d+$/.test(size)) break;
        at += Number(size);
      }
    }
  });

  it('names the constants as they are', () => {
    const values: Record<string, unknown> = { ...wire, ...tuning };
    const rows = tables('constant | value').flat();
    expect(rows.length).toBe(29);
    for (const [name, value] of rows) expect(valueIn(value), name).toBe(values[name.replaceAll('`', '')]);
    expect(text.replaceAll('\n', ' ')).toContain(`to 15: ${wire.HOLD_MS.join(', ')}.`);
    expect(text).toContain(`more than ${REPLAY_WINDOW.toLocaleString('en')} numbers behind`);
  });

  it('numbers frames as they are', () => {
    const documented = [...text.matchAll(/([A-Z_]{3,}) \((\d+)\)/g)].map(([, name, number]) => [
      `FRAME_${name}`,
      Number(number),
    ]);
    const numbers = Object.entries(wire).filter(
      ([name, value]) => name.startsWith('FRAME_') && typeof value === 'number',
    );
    const known = numbers.filter(([name]) => name !== 'FRAME_HEADER_BYTES');
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(known));
  });

  it('gives the lengths of handshake datagrams as they are', () => {
    const rows = Object.fromEntries(tables('type | datagram')[0].map(([, name, , length]) => [name, length]));
    expect(rows['handshake initiation']).toContain(`${handshake.initiation.length / 2} with two ciphers`);
    expect(rows['handshake response']).toContain(`${handshake.response.length / 2} in this version`);
    expect(rows['cookie reply']).toBe(`${handshake.cookieReply.length / 2}`);
    expect(rows.transport).toBe(`${wire.OVERHEAD_BYTES} + payload`);
  });

  it('shows the transport example of the golden vectors', () => {
    const [vector] = transport.sealed;
    expect(text).toContain(`\`${vector.key}\``);
    expect(example('outer header')).toBe(vector.outerHex);
    expect(example('nonce')).toBe(vector.nonce);
    expect(example('inner header')).toBe(vector.innerHex);
    expect(example('payload')).toBe(vector.payload);
    expect(example('datagram')).toBe(vector.datagram);
  });

  it('shows the ACK example of the golden vectors', () => {
    const labels = ['type, length', 'path, count', 'largest', 'arrival', 'delay', 'packets', 'bytes', 'length'];
    const hex = labels.map((label) => example(label)).join('') + example('gap, length', 0) + example('gap, length', 1);
    expect(frames.frames.map((frame) => frame.hex)).toContain(hex);
  });
});
