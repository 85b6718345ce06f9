/** One simulated vehicle: enrolled like a real one, a real MQTT session over TCP, the agent's own spool and policy checks. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { deviceTopic, EffectivePolicy, parseClaim, readDocument, TelemetryAck } from '@corridor/contracts';
import { Spool } from '@corridor/telemetry';
import mqtt from 'mqtt';
import { Walk } from './frames.mjs';

const HEARTBEAT_SECONDS = 30;
/** Mean seconds between two path switches of one vehicle. */
const SWITCH_EVERY_SECONDS = 60;

/** Milliseconds since 1970 with fractions: the one clock that this process and the observer share. */
export const sharedNowMs = () => performance.timeOrigin + performance.now();

export class Device {
  inForce = 0;
  refused = 0;
  appliedAtMs = new Map();
  #beat = 0;
  #second = 0;
  #client;

  constructor(index, vehicle, credentials) {
    this.vehicleId = vehicle.id;
    this.deviceId = credentials.deviceId;
    this.credentials = credentials;
    this.spool = new Spool({ session: 1 });
    this.walk = new Walk(index + 1);
    this.switchAt = 1 + ((index * 7919) % SWITCH_EVERY_SECONDS);
    this.keys = new Map(credentials.policyKeys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
  }

  /** Creates vehicle and claim as an operator does, and enrols as a Pi does. */
  static async enrol(rest, index) {
    const vehicle = await rest.post('/api/v1/vehicles', { name: `Load ${String(index + 1).padStart(4, '0')}` });
    const { claim } = await rest.post(`/api/v1/vehicles/${vehicle.id}/claims`, { expiresInSeconds: 3600 });
    const { claimId, secret } = parseClaim(claim);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const { kty, crv, x } = publicKey.export({ format: 'jwk' });
    const request = {
      ...{ kind: 'enrolment-request', v: 1, claimId, secret, hostname: `load-${index + 1}`, model: 'simulated' },
      ...{ tunnelPublicKey: randomBytes(32).toString('base64'), agentVersion: '0.1.0' },
    };
    const jws = signed({ alg: 'EdDSA', jwk: { kty, crv, x } }, request, privateKey);
    const answer = await rest.post('/api/v1/enrolment', { jws });
    if (answer.credentials === undefined) throw new Error(`enrolment answered ${answer.state}`);
    return new Device(index, vehicle, answer.credentials);
  }

  async connect() {
    const { urls, clientId, username, password } = this.credentials.mqtt;
    this.#client = await mqtt.connectAsync(urls[0], {
      ...{ clientId, username, password: password ?? this.credentials.accessToken },
      ...{ keepalive: 60, clean: true, reconnectPeriod: 0, resubscribe: false, queueQoSZero: false },
      will: { topic: this.#topic('status'), payload: this.#status('offline', 'lost'), qos: 1, retain: true },
    });
    this.#client.on('message', (topic, payload) => this.#take(topic, payload.toString('utf8')));
    await this.#client.subscribeAsync(
      ['policy', 'telemetry/ack', 'command'].map((leaf) => this.#topic(leaf)),
      { qos: 1 },
    );
    await this.#client.publishAsync(this.#topic('status'), this.#status('online', 'connected'), {
      qos: 1,
      retain: true,
    });
    await this.#publish('policy/request', { kind: 'policy-request', v: 1, inForce: this.inForce });
    this.spool.connected();
  }

  get connected() {
    return this.#client?.connected === true;
  }

  /** Once a second: a frame, now and then a path switch, a heartbeat, and out with all of it. */
  second() {
    this.#second += 1;
    const monoMs = performance.now();
    this.spool.frame(this.walk.next(sharedNowMs(), this.inForce), monoMs);
    if (this.#second % SWITCH_EVERY_SECONDS === this.switchAt % SWITCH_EVERY_SECONDS)
      this.spool.event(this.#switch(), monoMs);
    if (this.#second % HEARTBEAT_SECONDS === 0 && this.connected) {
      this.#beat += 1;
      void this.#client.publish(this.#topic('status'), this.#status('online', 'heartbeat'), { qos: 1, retain: true });
    }
    this.flush();
  }

  flush() {
    if (!this.connected) return;
    for (let batch = this.spool.next(performance.now()); batch; batch = this.spool.next(performance.now())) {
      void this.#publish('telemetry', batch);
    }
  }

  async end() {
    await this.#client?.endAsync();
  }

  #switch() {
    return {
      ...{ kind: 'event', v: 1, type: 'path-switch', reason: 'wwan0 went silent for 84 ms while traffic was on it' },
      ...{ from: ['wwan0'], to: ['wwan1'], trafficClass: 'default', replayed: 3, sentMs: sharedNowMs() },
    };
  }

  #take(topic, text) {
    if (topic === this.#topic('telemetry/ack')) {
      const ack = readDocument(TelemetryAck, text);
      if (ack.ok) this.spool.acknowledged(ack.value);
      if (ack.ok && ack.value.resend) this.flush();
    } else if (topic === this.#topic('policy')) {
      this.#takePolicy(text);
    }
  }

  /** The agent's checks: signature by a pinned key, own vehicle, higher version. */
  #takePolicy(jws) {
    const [header, payload, signature] = jws.split('.');
    const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url'));
    const key = alg === 'EdDSA' ? this.keys.get(kid) : undefined;
    const genuine = key && verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
    const read = genuine
      ? readDocument(EffectivePolicy, Buffer.from(payload, 'base64url').toString('utf8'))
      : { ok: false };
    if (!read.ok || read.value.vehicleId !== this.vehicleId) {
      this.refused += 1;
      return;
    }
    const { version } = read.value;
    if (version <= this.inForce) return;
    this.#acknowledge(version, 'received');
    this.inForce = version;
    this.appliedAtMs.set(version, sharedNowMs());
    this.#acknowledge(version, 'applied');
  }

  #acknowledge(version, outcome) {
    void this.#publish('policy/ack', { kind: 'policy-ack', v: 1, version, outcome, reason: '', inForce: this.inForce });
  }

  #publish(leaf, document) {
    return this.#client.publishAsync(this.#topic(leaf), JSON.stringify(document), { qos: 1 });
  }

  #topic(leaf) {
    return deviceTopic(this.deviceId, leaf);
  }

  #status(state, reason) {
    return JSON.stringify({
      ...{ kind: 'agent-status', v: 1, state, session: 1, beat: this.#beat, reason },
      ...{ agentVersion: '0.1.0', policyInForce: this.inForce, clock: new Date().toISOString() },
    });
  }
}

function signed(header, document, privateKey) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part(header)}.${part(document)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}
