import { type EventEmitter, once as onceOf } from 'node:events';

/** `once` of node:events for emitters whose types narrow their events, such as MQTT.js' clients. */
export function once(emitter: object, event: string): Promise<unknown[]> {
  return onceOf(emitter as EventEmitter, event);
}
