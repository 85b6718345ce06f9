import { DEVICE_PUBLISHES, DEVICE_RETAINS, DEVICE_SUBSCRIBES, parseTopic } from '@corridor/contracts';

/** Why a device may not do something; the words are for logs and counters, the device only sees that it was refused. */
export type AclRefusal =
  | 'foreign-topic'
  | 'unknown-topic'
  | 'system-topic'
  | 'wildcard'
  | 'retain'
  | 'qos'
  | 'will-topic'
  | 'will-retain';

export interface Publication {
  readonly topic: string;
  readonly qos?: number | undefined;
  readonly retain?: boolean | undefined;
}

/** Devices send documents at least once at most: QoS 2 costs the broker state and buys nothing that acknowledgements do not. */
const HIGHEST_QOS = 1;

/** Undefined: the device may publish it. */
export function publishRefusal(deviceId: string, { topic, qos = 0, retain = false }: Publication) {
  const refusal = topicRefusal(deviceId, topic, DEVICE_PUBLISHES);
  if (refusal !== undefined) return refusal;
  if (qos > HIGHEST_QOS) return 'qos';
  if (retain && parseTopic(topic)?.leaf !== DEVICE_RETAINS) return 'retain';
  return undefined;
}

/** Undefined: the device may subscribe to it. Only whole topics: a wildcard could match what comes later. */
export function subscribeRefusal(deviceId: string, { topic, qos = 0 }: { topic: string; qos?: number | undefined }) {
  const refusal = topicRefusal(deviceId, topic, DEVICE_SUBSCRIBES);
  if (refusal !== undefined) return refusal;
  return qos > HIGHEST_QOS ? ('qos' as const) : undefined;
}

/** Undefined: the device may leave this will. It is published when nobody looks, so it is judged when it is left. */
export function willRefusal(deviceId: string, will: Publication): AclRefusal | undefined {
  const refusal = topicRefusal(deviceId, will.topic, [DEVICE_RETAINS]);
  if (refusal === 'unknown-topic') return 'will-topic';
  if (refusal !== undefined) return refusal;
  if (will.retain !== true) return 'will-retain';
  return (will.qos ?? 0) > HIGHEST_QOS ? 'qos' : undefined;
}

/** Whether the broker may hand a message, live or retained, to the device. */
export function mayReceive(deviceId: string, topic: string): boolean {
  return topicRefusal(deviceId, topic, DEVICE_SUBSCRIBES) === undefined;
}

function topicRefusal(deviceId: string, topic: string, leaves: readonly string[]): AclRefusal | undefined {
  if (topic.startsWith('$')) return 'system-topic';
  if (/[+#]/.test(topic)) return 'wildcard';
  const parsed = parseTopic(topic);
  if (parsed === undefined) return 'unknown-topic';
  if (parsed.deviceId !== deviceId) return 'foreign-topic';
  return leaves.includes(parsed.leaf) ? undefined : 'unknown-topic';
}
