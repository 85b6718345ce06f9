import {
  AgentStatus,
  anyDeviceTopic,
  DEVICE_PUBLISHES,
  type DevicePublishes,
  PolicyAck,
  PolicyRequest,
  type Read,
  readDocument,
  TelemetryBatch,
} from '@corridor/contracts';
import type { DomainEvents } from '../kernel/domain-events.js';

/** A message of a device that is known, as it came in. */
export interface Incoming {
  readonly deviceId: string;
  readonly text: string;
  /** UTC, milliseconds. */
  readonly receivedAtMs: number;
  /** The broker had kept it from before. */
  readonly retained: boolean;
}

export const SUBSCRIPTIONS: readonly string[] = DEVICE_PUBLISHES.map((leaf) => anyDeviceTopic(leaf));

type Reader = (events: DomainEvents, incoming: Incoming) => Read<unknown>;

/** For each topic of devices, the document on it and the event that it becomes. */
export const READERS: Readonly<Record<DevicePublishes, Reader>> = {
  status: (events, { deviceId, text, receivedAtMs, retained }) => {
    const read = readDocument(AgentStatus, text);
    if (read.ok) events.emit('agent-status', { deviceId, status: read.value, receivedAtMs, retained });
    return read;
  },
  telemetry: (events, { deviceId, text, receivedAtMs }) => {
    const read = readDocument(TelemetryBatch, text);
    if (read.ok) events.emit('telemetry-batch', { deviceId, batch: read.value, receivedAtMs });
    return read;
  },
  'policy/request': (events, { deviceId, text }) => {
    const read = readDocument(PolicyRequest, text);
    if (read.ok) events.emit('policy-request', { deviceId, request: read.value });
    return read;
  },
  'policy/ack': (events, { deviceId, text }) => {
    const read = readDocument(PolicyAck, text);
    if (read.ok) events.emit('policy-ack', { deviceId, ack: read.value });
    return read;
  },
};

export function isDevicePublishes(leaf: string): leaf is DevicePublishes {
  return leaf in READERS;
}
