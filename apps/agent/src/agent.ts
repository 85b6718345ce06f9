import {
  type AgentStatus,
  Command,
  type Credentials,
  type DeviceSubscribes,
  HEARTBEAT_SECONDS,
  type PolicyAck,
  type PolicyRequest,
  readDocument,
  TelemetryAck,
  type VehicleEvent,
} from '@corridor/contracts';
import { builtInPolicy } from '@corridor/tunnel/config';
import { eventLevel, eventSentence, type HostEvent, type Log, processStatus, VERSION } from '@corridor/tunnel-host';
import { CredentialsKeeper } from './api/credentials-keeper.js';
import { TrustedClock } from './clock/trusted-clock.js';
import type { AgentConfig } from './config/schema.js';
import { ControlClient } from './mqtt/control-client.js';
import { PolicyKeeper } from './policy/policy-keeper.js';
import { GpsdClient } from './position/gpsd.js';
import type { AgentReport } from './status/report.js';
import { nextSession } from './store/session.js';
import type { State, StoredDevice } from './store/state.js';
import { Reporter } from './telemetry/reporter.js';
import { fallbackOf } from './tunnel/fallback.js';
import { capsOf } from './tunnel/registry-caps.js';
import { VehicleTunnel } from './tunnel/vehicle-tunnel.js';

const FRAME_MS = 1000;

/**
 * The agent of one vehicle: puts the parts together. The tunnel runs from what is stored, at once and without anybody's
 * help; everything else happens beside it and may fail.
 */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: Log;
  readonly #clock: TrustedClock;
  readonly #session: number;
  readonly #keeper: CredentialsKeeper;
  readonly #control: ControlClient;
  readonly #tunnel: VehicleTunnel;
  readonly #policies: PolicyKeeper;
  readonly #reporter: Reporter;
  readonly #gpsd: GpsdClient | undefined;
  readonly #listeners = new Set<(event: HostEvent) => void>();
  #timer: NodeJS.Timeout | undefined;
  #beat = 0;
  #seconds = 0;
  #begun: Promise<void> | undefined;
  #policyTold = -1;

  constructor(state: State, device: StoredDevice, config: AgentConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#clock = new TrustedClock(state.readOr('time'));
    this.#session = nextSession(state, this.#clock, (sentence) => log.warn(sentence));
    const stored = state.readOr('credentials');
    this.#keeper = new CredentialsKeeper(
      state,
      device,
      stored?.deviceId === device.deviceId ? stored : undefined,
      this.#clock,
      { tunnelStands: () => this.#tunnel.established, renewed: () => void this.#renewed() },
      log,
    );
    this.#tunnel = new VehicleTunnel(
      config,
      builtInPolicy,
      {
        usage: { read: () => state.read('usage'), write: (text) => state.write('usage', text) },
        trustedNowMs: () => this.#clock.nowMs(),
      },
      { event: (event) => this.#hostEvent(event), died: () => void this.#policies.tunnelDied() },
      log,
    );
    this.#policies = new PolicyKeeper(
      state,
      {
        judge: () => {
          const { policyKeys, vehicleId } = this.#credentials();
          return { keys: policyKeys, vehicleId };
        },
        notBeforeMs: () => this.#clock.notBeforeMs(),
        apply: (policy) => this.#tunnel.setPolicy(policy),
        health: () => this.#tunnel.health(),
        report: (ack) => this.#report(ack),
      },
      log,
    );
    this.#control = new ControlClient(
      {
        credentials: () => this.#keeper.credentials,
        will: () => JSON.stringify(this.#status('offline', 'the connection was lost')),
        connected: () => this.#connected(),
        disconnected: () => {},
        message: (leaf, text) => void this.#message(leaf, text),
        refused: () => this.#keeper.renewNow(),
      },
      log,
    );
    this.#gpsd = config.gpsd === undefined ? undefined : new GpsdClient(config.gpsd.host, config.gpsd.port);
    this.#reporter = new Reporter(
      this.#session,
      this.#gpsd,
      {
        connected: () => this.#control.state.connected,
        offlineMs: () => {
          const { connected, sinceMs } = this.#control.state;
          return connected ? 0 : performance.now() - sinceMs;
        },
        publish: (leaf, text) => this.#control.publish(leaf, text),
      },
      () => this.#clock.monoMs,
    );
  }

  /** Starts everything; resolves when the tunnel was tried, as far as there are credentials to start it with. */
  async start(): Promise<void> {
    this.#reporter.event(agentEvent(`agent ${VERSION} started, session ${this.#session}`));
    this.#gpsd?.start();
    if (this.#keeper.credentials !== undefined) await this.#begin();
    this.#keeper.start();
    this.#timer = setInterval(() => void this.#tick(), FRAME_MS);
  }

  /** Says goodbye and takes everything away. */
  async close(reason: string): Promise<void> {
    clearInterval(this.#timer);
    if (this.#control.state.connected) {
      const goodbye = JSON.stringify(this.#status('offline', reason));
      await Promise.race([
        this.#control.publish('status', goodbye, true).catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, 500)),
      ]);
    }
    await this.#control.close();
    await Promise.all([this.#keeper.close(), this.#gpsd?.close(), this.#tunnel.close()]);
  }

  onEvent(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setPathBlocked(path: string, blocked: boolean): Promise<void> {
    return this.#tunnel.setPathBlocked(path, blocked);
  }

  async status(): Promise<AgentReport> {
    const tunnel = await this.#tunnel.status();
    const { device, credentials, detail } = this.#keeper;
    const left = this.#clock.tokenLeftMs;
    const nowMs = this.#clock.nowMs();
    const { connected, detail: controlDetail, sinceMs } = this.#control.state;
    return {
      role: 'vehicle',
      atUs: this.#clock.monoMs * 1000,
      tun: this.#config.tun,
      peers: [],
      uplinks: [],
      process: processStatus(),
      refusals: {},
      counters: {},
      ...tunnel,
      agent: {
        enrolment: {
          deviceId: device.deviceId,
          state: device.state,
          gateway: new URL(device.url).origin,
          vehicle: credentials?.vehicleName ?? null,
          organisation: credentials?.organisation ?? null,
        },
        tunnelFault: this.#tunnel.fault,
        credentials: {
          expiresInSeconds: Number.isFinite(left) ? Math.round(left / 1000) : null,
          problem: detail,
          rotating: device.next !== undefined,
        },
        control: { connected, detail: controlDetail, forSeconds: Math.round((performance.now() - sinceMs) / 1000) },
        policy: { inForce: this.#policies.inForce.version, probation: this.#policies.onProbation },
        spool: { session: this.#session, ...this.#reporter.figures },
        clock: {
          trusted: nowMs === undefined ? null : new Date(nowMs).toISOString(),
          machineAheadSeconds: nowMs === undefined ? null : Math.round((Date.now() - nowMs) / 1000),
        },
        gpsd:
          this.#gpsd === undefined ? null : { connected: this.#gpsd.connected, position: this.#gpsd.position ?? null },
      },
    };
  }

  /** With the first credentials, stored or fetched: the tunnel with the stored policy, then the control connection. */
  #begin(): Promise<void> {
    this.#begun ??= (async () => {
      await this.#tunnel.setPolicy(await this.#policies.load());
      await this.#useTunnel();
      this.#control.start();
    })();
    return this.#begun;
  }

  async #renewed(): Promise<void> {
    if (this.#begun === undefined) return this.#begin();
    await this.#begun;
    await this.#useTunnel();
    await this.#control.reconnect();
  }

  #useTunnel(): Promise<void> {
    const { device } = this.#keeper;
    const credentials = this.#credentials();
    const { tunnel } = credentials;
    this.#tunnel.setCaps(capsOf(credentials));
    return this.#tunnel.use({
      privateKey: device.keys.tunnel,
      tunnel,
      fallback: fallbackOf(device, credentials),
    });
  }

  #credentials(): Credentials {
    const { credentials } = this.#keeper;
    if (credentials === undefined) throw new Error('there are no credentials yet');
    return credentials;
  }

  async #tick(): Promise<void> {
    this.#reporter.sample(await this.#tunnel.status());
    this.#control.check();
    if (this.#begun !== undefined) void this.#policies.tick();
    this.#seconds++;
    if (this.#seconds % HEARTBEAT_SECONDS === 0 || this.#policies.inForce.version !== this.#policyTold)
      this.#heartbeat();
  }

  #hostEvent(event: HostEvent): void {
    this.#logEvent(event);
    this.#reporter.hostEvent(event);
    for (const listener of this.#listeners) listener(event);
    if (event.type !== 'session' || event.state !== 'established') return;
    this.#control.nudge();
    this.#keeper.nudge();
  }

  /** What the other end does with the policy is heard twice: over the control channel, too, and with more to it. */
  #logEvent(event: HostEvent): void {
    const isEcho = event.type === 'policy';
    const level = isEcho && event.outcome === 'applied' ? 'debug' : eventLevel(event);
    this.#log.entry(level, isEcho ? `gateway: ${eventSentence(event)}` : eventSentence(event), { ...event });
  }

  /** A session with the broker stands: who we are, what is in force, what we missed, and what waits. */
  #connected(): void {
    this.#seconds = 0;
    this.#heartbeat();
    this.#policies.repeat();
    const request: PolicyRequest = { kind: 'policy-request', v: 1, inForce: this.#policies.inForce.version };
    this.#control.publish('policy/request', JSON.stringify(request)).catch(() => {});
    this.#reporter.connected();
  }

  async #message(leaf: DeviceSubscribes, text: string): Promise<void> {
    if (leaf === 'policy') {
      // Empty: the retained one was removed.
      if (text !== '') await this.#policies.receive(text);
    } else if (leaf === 'telemetry/ack') {
      const ack = readDocument(TelemetryAck, text);
      if (ack.ok) this.#reporter.acknowledged(ack.value);
      else this.#log.warn(`an acknowledgement was not understood: ${ack.reason}`);
    } else {
      const command = readDocument(Command, text);
      if (command.ok) await this.#command(command.value);
      else this.#log.warn(`a command was not understood: ${command.reason}`);
    }
  }

  async #command({ command, reason }: Command): Promise<void> {
    this.#log.info(`the gateway asks: ${command}: ${reason}`);
    try {
      if (command === 'renew-credentials') this.#keeper.renewNow();
      else await this.#keeper.rotate();
    } catch (error) {
      this.#log.error((error as Error).message);
    }
  }

  #report(ack: PolicyAck): void {
    // What does not arrive is repeated after the next connect.
    this.#control.publish('policy/ack', JSON.stringify(ack)).catch(() => {});
  }

  #heartbeat(): void {
    if (!this.#control.state.connected) return;
    this.#beat++;
    this.#policyTold = this.#policies.inForce.version;
    this.#control.publish('status', JSON.stringify(this.#status('online', '')), true).catch(() => {});
  }

  #status(state: AgentStatus['state'], reason: string): AgentStatus {
    const nowMs = this.#clock.nowMs();
    return {
      kind: 'agent-status',
      v: 1,
      state,
      session: this.#session,
      beat: this.#beat,
      reason,
      agentVersion: VERSION,
      policyInForce: this.#policies.inForce.version,
      clock: nowMs === undefined ? null : new Date(nowMs).toISOString(),
    };
  }
}

function agentEvent(reason: string): VehicleEvent {
  return { kind: 'event', v: 1, type: 'agent', reason };
}
