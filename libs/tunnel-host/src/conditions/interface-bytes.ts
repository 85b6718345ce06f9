/** Byte counters of the interfaces that this process sees. */
import { readFileSync } from 'node:fs';

/** Of its own network namespace, whatever is mounted at /sys. */
const NET_DEV = '/proc/net/dev';
/** Columns after the name, proc_net_dev(5): received bytes first, eight figures later sent bytes. */
const SENT_COLUMN = 8;

/** Bytes received and sent by interface, since each was made. @throws the error of the file system */
export function interfaceBytes(): Map<string, number> {
  return parseNetDev(readFileSync(NET_DEV, 'utf8'));
}

/** Two lines of headings, then `name: figures`; the name may stand close to the first figure. */
export function parseNetDev(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    const figures = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    if (colon < 0 || figures.length <= SENT_COLUMN || figures.some(Number.isNaN)) continue;
    bytes.set(line.slice(0, colon).trim(), figures[0] + figures[SENT_COLUMN]);
  }
  return bytes;
}
