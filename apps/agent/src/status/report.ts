import type { Position } from '@corridor/contracts';
import type { HostStatus } from '@corridor/tunnel-host';

/** What `corridor-agent status --json` prints: the tunnel's status as `corridor-tunnel` has it, and the agent's own. */
export interface AgentReport extends HostStatus {
  readonly agent: {
    readonly enrolment: {
      readonly deviceId: string;
      readonly state: 'pending' | 'active';
      /** Origin of the gateway's address at enrolment. */
      readonly gateway: string;
      readonly vehicle: string | null;
      readonly organisation: string | null;
    };
    /** Why there is no tunnel; empty while it runs. */
    readonly tunnelFault: string;
    readonly credentials: {
      /** Seconds until the access token ends; null when nobody knows. */
      readonly expiresInSeconds: number | null;
      /** Why they could not be renewed; empty when they could. */
      readonly problem: string;
      readonly rotating: boolean;
    };
    readonly control: { readonly connected: boolean; readonly detail: string; readonly forSeconds: number };
    readonly policy: {
      /** 0: the built-in one. */
      readonly inForce: number;
      /** It has still to show that the tunnel works with it. */
      readonly probation: boolean;
    };
    readonly spool: {
      /** Counts the starts of the agent. */
      readonly session: number;
      readonly held: number;
      readonly dropped: number;
      /** Records made in this session. */
      readonly numbered: number;
    };
    readonly clock: {
      /** UTC by the gateway; null until it has said so. */
      readonly trusted: string | null;
      /** How far this machine's own clock is ahead of it, seconds. */
      readonly machineAheadSeconds: number | null;
    };
    readonly gpsd: { readonly connected: boolean; readonly position: Position | null } | null;
  };
}
