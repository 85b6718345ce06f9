/** `corridor-tunnel status` for people: aligned tables. Pure. */
import type { ClassStatus, DirectionStatus, PathStatus, PeerStatus } from '@corridor/tunnel';
import { type HostStatus, pathTags, uplinkLine } from '@corridor/tunnel-host';

export function statusText(status: HostStatus): string {
  const { process: figures, tun } = status;
  const cpuSeconds = (figures.cpuUserUs + figures.cpuSystemUs) / 1e6;
  const head =
    `${status.role} on ${tun.name} (mtu ${tun.mtu}), up ${duration(figures.uptimeSeconds * 1e6)}, ` +
    `process ${figures.pid}, ${(figures.rssBytes / 1e6).toFixed(0)} MB, ` +
    `${cpuSeconds.toFixed(1)} s of CPU, AES by ${figures.aead}`;
  const lines = [head];
  if (status.role === 'vehicle') lines.push(uplinksLine(status));
  for (const uplink of status.uplinks) {
    const line = uplinkLine(uplink);
    if (line !== undefined) lines.push(`  ${line}`);
  }
  const refusals = Object.entries(status.refusals).map(([reason, count]) => `${reason} ${count}`);
  if (refusals.length > 0) lines.push(`refused datagrams: ${refusals.join(', ')}`);
  if (status.peers.length === 0) lines.push('', 'no peers');
  for (const peer of status.peers) lines.push('', ...peerLines(peer, status.atUs));
  return `${lines.join('\n')}\n`;
}

function uplinksLine({ uplinks }: HostStatus): string {
  if (uplinks.length === 0) return 'uplinks: none (no configured interface is up with a usable address)';
  return `uplinks: ${uplinks.map(({ name, addresses }) => `${name} ${addresses.join(' ')}`).join(', ')}`;
}

function peerLines(peer: PeerStatus, atUs: number): string[] {
  const since = peer.session === 'established' ? ` for ${duration(atUs - peer.establishedAtUs)}, ${peer.cipher}` : '';
  const counters = Object.entries(peer.counters)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${words(name)} ${value}`);
  return [
    `${peer.name} ${peer.publicKey}`,
    `  session ${peer.session}${since}, policy ${peer.policyVersion}`,
    ...indent(pathTable(peer.paths, atUs)),
    ...indent(classTable(peer.classes, atUs)),
    `  counters: ${counters.join(', ') || 'all zero'}`,
    ...orderLine(peer.order),
  ];
}

function orderLine(order: PeerStatus['order']): string[] {
  if (order === undefined) return [];
  const { waiting, filled, givenUp, late, longestWaitUs } = order;
  return [
    `  order: ${waiting} packets wait, ${filled} missing ones came in time, ${givenUp} holes given up (${late} came late), ` +
      `longest wait ${(longestWaitUs / 1000).toFixed(0)} ms`,
  ];
}

function pathTable(paths: readonly PathStatus[], atUs: number): string[] {
  if (paths.length === 0) return ['no paths'];
  const header = [
    'path',
    'state',
    'for',
    'rtt',
    'mtu',
    'dir',
    'delay+',
    'jitter',
    'loss',
    'rate',
    'packets',
    'lost',
    'remote',
    'why',
  ];
  const rows = paths.flatMap((path) => [
    [
      `${path.name}${pathTags(path)}`,
      path.blocked ? `${path.state} (blocked)` : path.state,
      duration(atUs - path.sinceUs),
      path.rttUs === 0 ? '-' : milliseconds(path.rttUs),
      String(path.mtu),
      'send',
      ...directionCells(path.send),
      path.remote,
      path.reason,
    ],
    ['', '', '', '', '', 'recv', ...directionCells(path.receive), '', ''],
  ]);
  return table([header, ...rows]);
}

function directionCells(direction: DirectionStatus): string[] {
  return [
    milliseconds(direction.delayVariationUs),
    milliseconds(direction.jitterUs),
    `${(direction.lossRatio * 100).toFixed(1)} %`,
    rate(direction.rateBps),
    String(direction.packets),
    String(direction.lost),
  ];
}

function classTable(classes: readonly ClassStatus[], atUs: number): string[] {
  if (classes.length === 0) return [];
  const header = ['class', 'strategy', 'sends', 'for', 'why'];
  const rows = classes.map(({ name, strategy, mode, paths, sinceUs, reason }) => {
    return [name, strategy, sendsText(mode, paths), duration(atUs - sinceUs), reason];
  });
  return table([header, ...rows]);
}

/** Copies on `a + b`; spilling over from `a > b`; spread over `a / b`; one at a time `a (then b)`. */
function sendsText(mode: ClassStatus['mode'], paths: readonly string[]): string {
  const [active = 'nothing', ...rest] = paths;
  if (rest.length === 0) return active;
  if (mode === 'single') return `${active} (then ${rest.join(', ')})`;
  return paths.join({ copies: ' + ', spill: ' > ', balance: ' / ' }[mode]);
}

/** Columns as wide as their widest cell, two spaces between; nothing hangs behind the last one. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function duration(us: number): string {
  const seconds = Math.max(0, us / 1e6);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
}

function rate(bps: number): string {
  if (bps >= 1e9) return `${(bps / 1e9).toFixed(2)} Gbit/s`;
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${(bps / 1e3).toFixed(1)} kbit/s`;
}

/** `notAuthentic` as "not authentic". */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
