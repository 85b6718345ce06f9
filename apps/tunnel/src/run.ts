import {
  ControlServer,
  type ControlTarget,
  eventLevel,
  HostError,
  type HostServices,
  Log,
  type PolicyDocument,
  peerSentence,
  TunnelHost,
  UsageFile,
} from '@corridor/tunnel-host';
import { type LoadedConfig, withVersion } from './config/load.js';
import { SystemClock } from './system-clock.js';

/** Signals that end the tunnel in good order; SIGHUP comes when a terminal closes. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Runs a tunnel until a signal or its own end; answers the exit code. */
export async function runTunnel(config: LoadedConfig): Promise<number> {
  const log = new Log(config.logLevel, process.stderr.isTTY === true);
  watchForBugs(log);
  const stop = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal));
  });
  let host: TunnelHost;
  try {
    host = await TunnelHost.start(
      config.host,
      (event) => log.entry(eventLevel(event), peerSentence(event), { ...event }),
      services(config),
    );
  } catch (error) {
    log.entry('error', (error as Error).message, { code: (error as { code?: unknown }).code });
    return 1;
  }
  const code = await serve(host, config, log, stop);
  await host.close();
  return code;
}

function services({ usageFile }: LoadedConfig): HostServices {
  if (usageFile === undefined) return {};
  const clock = new SystemClock();
  return { usage: new UsageFile(usageFile), trustedNowMs: () => clock.trustedNowMs() };
}

async function serve(host: TunnelHost, config: LoadedConfig, log: Log, stop: Promise<NodeJS.Signals>): Promise<number> {
  let control: ControlServer;
  try {
    control = await ControlServer.listen(config.control, controlTarget(host));
  } catch (error) {
    log.entry('error', (error as Error).message, { code: (error as { code?: unknown }).code });
    return 1;
  }
  log.entry('info', `${config.host.role} runs on ${config.host.tun.name}, control socket ${config.control}`, {
    pid: process.pid,
  });
  const end = await Promise.race([stop, host.ended]);
  if (typeof end === 'string') log.entry('info', `${end}: closing`);
  else log.entry('error', end?.message ?? 'the tunnel ended by itself', { code: end?.code });
  await control.close();
  return typeof end === 'string' ? 0 : 1;
}

function controlTarget(host: TunnelHost): ControlTarget {
  return {
    status: () => host.status(),
    onEvent: (listener) => host.onEvent(listener),
    setPolicy: async (document: PolicyDocument) => {
      const current = host.policy.version;
      const policy = withVersion(document, current + 1);
      if (policy.version <= current) {
        throw new HostError(
          'ERR_POLICY',
          `version: expected more than ${current}, the version in force, or no version at all`,
        );
      }
      await host.setPolicy(policy);
      return policy.version;
    },
    setPathBlocked: async (name, blocked, vehicle) => {
      const known = host.vehicleNames;
      if (vehicle === undefined && known.length > 1) {
        throw new HostError('ERR_CONTROL_REQUEST', 'this gateway has several vehicles: name one with --vehicle');
      }
      if (vehicle !== undefined && !known.includes(vehicle)) {
        throw new HostError('ERR_CONTROL_REQUEST', `no vehicle "${vehicle}" here`);
      }
      await host.setPathBlocked(name, blocked, vehicle ?? known[0]);
    },
  };
}

/** A bug ends the process, but through its exit handlers, which put changed settings back, and in one entry. */
function watchForBugs(log: Log): void {
  const die = (error: unknown) => {
    const { message, stack } = error as Error;
    log.entry('error', `a bug ended the tunnel: ${message}`, { stack });
    process.exit(1);
  };
  process.once('uncaughtException', die);
  process.once('unhandledRejection', die);
}
