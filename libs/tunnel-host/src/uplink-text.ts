/** Uplinks for people. Pure. */
import type { PathStatus } from '@corridor/tunnel';
import type { UplinkStatus } from './status.js';

/** What a path's uplink costs, in brackets behind its name; empty when there is nothing to say. */
export function pathTags({
  metered,
  roaming,
  capReached,
}: Pick<PathStatus, 'metered' | 'roaming' | 'capReached'>): string {
  const tags = [metered ? 'metered' : '', roaming ? 'roaming' : '', capReached ? 'cap reached' : ''];
  const said = tags.filter((tag) => tag !== '');
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
}

/** Bytes as operators sell them: decimal. */
export function dataVolume(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Data cap and modem of an uplink: "wwan0: 3.20 GB of 5.00 GB since 2026-11-15; roaming in Orange F, lte, signal 62 %". */
export function uplinkLine(uplink: UplinkStatus): string | undefined {
  const parts = [capText(uplink), modemText(uplink)].filter((part) => part !== '');
  return parts.length === 0 ? undefined : `${uplink.name}: ${parts.join('; ')}`;
}

function capText({ usedBytes, capBytes, capSince }: UplinkStatus): string {
  if (usedBytes === undefined || capBytes === undefined) return '';
  const since = capSince === undefined ? 'since the cap was set' : `since ${capSince.slice(0, 10)}`;
  return `${dataVolume(usedBytes)} of ${dataVolume(capBytes)} ${since}`;
}

function modemText({ roaming, signal, operator, technology }: UplinkStatus): string {
  if (roaming === undefined) return '';
  const where = operator === undefined ? '' : ` in ${operator}`;
  const parts = [
    `${roaming ? 'roaming' : 'at home'}${where}`,
    technology ?? '',
    signal === undefined ? '' : `signal ${Math.round(signal * 100)} %`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
