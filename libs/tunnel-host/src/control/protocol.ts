/**
 * The control protocol: a unix socket (mode 0600) that carries one JSON object a line, UTF-8.
 *
 *   request   {"id":1,"method":"status"}
 *   answer    {"id":1,"result":{...}}   or   {"id":1,"error":{"code":"ERR_POLICY","message":"..."}}
 *   stream    {"id":1,"status":{...}}   and  {"id":1,"event":{...}}   after a `watch`, until the connection ends
 *
 * Requests of one connection are answered in order of completion; `id` tells them apart.
 */
import type { TunnelPolicy } from '@corridor/tunnel';
import type { HostEvent, HostStatus } from '../status.js';

/** Longest line that a server accepts, bytes. */
export const MAX_CONTROL_LINE = 1 << 20;

/** A policy as people write it: the version is counted up when it is not given. */
export type PolicyDocument = Omit<TunnelPolicy, 'version'> & { readonly version?: number };

/** Methods by name: what goes in and what comes out. */
export interface ControlMethods {
  status: { params: Record<string, never>; result: HostStatus };
  /** Switches the policy at run time; answers the version that is in force now. */
  policy: { params: { policy: PolicyDocument }; result: { version: number } };
  /** Drill: takes a path out of use or puts it back. `vehicle` is needed at a gateway with several vehicles. */
  link: { params: { name: string; blocked: boolean; vehicle?: string }; result: Record<string, never> };
  /** Streams events, and a status every `intervalMs` (100 to 60,000; left out: events only). */
  watch: { params: { intervalMs?: number }; result: Record<string, never> };
}

export type ControlMethod = keyof ControlMethods;

export interface ControlRequest {
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

export type ControlMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }
  | { readonly id: number; readonly event: HostEvent }
  | { readonly id: number; readonly status: HostStatus };

/** A request was refused, or no tunnel answers. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
