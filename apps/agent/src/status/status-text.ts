/** `corridor-agent status` for people. Pure. */
import { pathTags, uplinkLine } from '@corridor/tunnel-host';
import type { AgentReport } from './report.js';

export function statusText(report: AgentReport): string {
  const { agent } = report;
  const [peer] = report.peers;
  const sections = [
    [
      ['vehicle', `${agent.enrolment.vehicle ?? 'not known yet'}${of(agent.enrolment.organisation)}`],
      ['device', `${agent.enrolment.deviceId}, ${ENROLMENT[agent.enrolment.state]} at ${agent.enrolment.gateway}`],
      ['tunnel', tunnelLine(report)],
      ['control', controlLine(agent.control)],
      ['policy', policyLine(agent.policy)],
      ['credentials', credentialsLine(agent.credentials)],
      ['telemetry', spoolLine(agent.spool)],
      ['clock', clockLine(agent.clock)],
      ['position', positionLine(agent.gpsd)],
      [
        'memory',
        `${(report.process.rssBytes / 1e6).toFixed(0)} MB, running for ${seconds(report.process.uptimeSeconds)}`,
      ],
    ].map(([name, text]) => `${(name ?? '').padEnd(12)}${text}`),
    report.uplinks.flatMap((uplink) => uplinkLine(uplink) ?? []).map((line) => `uplink ${line}`),
    pathTable(report),
    (peer?.classes ?? []).map(
      ({ name, strategy, paths, reason }) =>
        `class ${name}: ${strategy} over ${paths.join(', ') || 'nothing'} (${reason})`,
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

const ENROLMENT = { active: 'enrolled', pending: 'waits for approval' } as const;

function tunnelLine({ peers: [peer], agent, atUs, tun }: AgentReport): string {
  if (agent.tunnelFault !== '') return `none: ${agent.tunnelFault}`;
  if (peer === undefined) return 'none';
  if (peer.session !== 'established') return `${tun.name}: ${peer.session === 'none' ? 'no session' : 'handshaking'}`;
  const up = peer.paths.filter(({ state }) => state === 'up').length;
  return `${tun.name}: established for ${seconds((atUs - peer.establishedAtUs) / 1e6)}, ${up} of ${peer.paths.length} paths up`;
}

function controlLine({ connected, detail, forSeconds }: AgentReport['agent']['control']): string {
  return connected
    ? `${detail}, connected for ${seconds(forSeconds)}`
    : `not connected for ${seconds(forSeconds)}: ${detail}`;
}

function policyLine({ inForce, probation }: AgentReport['agent']['policy']): string {
  if (inForce === 0) return 'built in: the gateway has not sent one yet';
  return `version ${inForce}${probation ? ', being tried' : ''}`;
}

function credentialsLine({ expiresInSeconds, problem, rotating }: AgentReport['agent']['credentials']): string {
  const life =
    expiresInSeconds === null
      ? 'age not known'
      : expiresInSeconds > 0
        ? `good for ${seconds(expiresInSeconds)}`
        : `expired ${seconds(-expiresInSeconds)} ago`;
  return [life, rotating ? 'keys are being rotated' : '', problem].filter((part) => part !== '').join('; ');
}

function spoolLine({ session, held, dropped }: AgentReport['agent']['spool']): string {
  return `session ${session}, ${held} records kept until the gateway has them, ${dropped} given up`;
}

function clockLine({ trusted, machineAheadSeconds }: AgentReport['agent']['clock']): string {
  if (trusted === null) return 'not known: the gateway has not told the time since boot';
  const off = Math.abs(machineAheadSeconds ?? 0);
  const machine = off < 2 ? 'agrees' : `is ${seconds(off)} ${(machineAheadSeconds ?? 0) > 0 ? 'ahead' : 'behind'}`;
  return `${trusted} by the gateway; this machine's clock ${machine}`;
}

function positionLine(gpsd: AgentReport['agent']['gpsd']): string {
  if (gpsd === null) return 'no gpsd configured';
  if (gpsd.position === null) return gpsd.connected ? 'no fix' : 'gpsd does not answer';
  return `${gpsd.position.latitude}, ${gpsd.position.longitude}`;
}

function pathTable({ peers: [peer] }: AgentReport): string[] {
  if (peer === undefined || peer.paths.length === 0) return [];
  const rows = [
    ['path', 'state', 'rtt', 'send loss', 'rate', 'recv loss', 'rate', 'why'],
    ...peer.paths.map((path) => [
      `${path.name}${pathTags(path)}`,
      path.blocked ? `${path.state} (blocked)` : path.state,
      path.rttUs === 0 ? '-' : `${(path.rttUs / 1000).toFixed(1)} ms`,
      percent(path.send.lossRatio),
      rate(path.send.rateBps),
      percent(path.receive.lossRatio),
      rate(path.receive.rateBps),
      path.reason,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** A span of seconds as people say it. */
export function seconds(value: number): string {
  if (value < 120) return `${Math.max(0, Math.floor(value))} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min`;
  if (value < 172_800) return `${Math.floor(value / 3600)} h`;
  return `${Math.floor(value / 86_400)} days`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}

function rate(bps: number): string {
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${(bps / 1e3).toFixed(1)} kbit/s`;
}

function of(organisation: string | null): string {
  return organisation === null ? '' : ` of ${organisation}`;
}
