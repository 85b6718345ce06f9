/**
 * MQTT topics. Each device owns the branch below its id and nothing else; the gateway may use all of them.
 *
 * | topic | direction | QoS | retained | document |
 * |---|---|---|---|---|
 * | `corridor/v1/<device>/status` | from the device, also as its will | 1 | yes | AgentStatus |
 * | `…/telemetry` | from the device | 1 | no | TelemetryBatch |
 * | `…/policy/request` | from the device | 1 | no | PolicyRequest |
 * | `…/policy/ack` | from the device | 1 | no | PolicyAck |
 * | `…/policy` | to the device | 1 | yes | JWS of EffectivePolicy |
 * | `…/telemetry/ack` | to the device | 0 | no | TelemetryAck |
 * | `…/command` | to the device | 1 | no | Command |
 */
export const TOPIC_ROOT = 'corridor/v1';

export const DEVICE_PUBLISHES = ['status', 'telemetry', 'policy/request', 'policy/ack'] as const;
export const DEVICE_SUBSCRIBES = ['policy', 'telemetry/ack', 'command'] as const;
/** The only one that a device may publish retained, and the only one that its will may go to. */
export const DEVICE_RETAINS = 'status';

export type DevicePublishes = (typeof DEVICE_PUBLISHES)[number];
export type DeviceSubscribes = (typeof DEVICE_SUBSCRIBES)[number];

export function deviceTopic(deviceId: string, leaf: DevicePublishes | DeviceSubscribes): string {
  return `${TOPIC_ROOT}/${deviceId}/${leaf}`;
}

/** What the gateway subscribes to. */
export function anyDeviceTopic(leaf: DevicePublishes): string {
  return `${TOPIC_ROOT}/+/${leaf}`;
}

/** Device and leaf of a topic of ours; undefined for any other. */
export function parseTopic(topic: string): { deviceId: string; leaf: string } | undefined {
  const match = /^corridor\/v1\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([a-z/]+)$/.exec(topic);
  return match ? { deviceId: match[1]!, leaf: match[2]! } : undefined;
}
