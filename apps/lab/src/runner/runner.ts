/**
 * How the ends of a lab's tunnels are run. The lab makes hosts and links; a runner puts programs on them: `corridor-tunnel`
 * from configs (tunnel-runner.ts), or the gateway with an agent per vehicle (fleet-runner.ts). Scenarios, benches and
 * views see no difference.
 */
import type { LinkSpec } from '@corridor/sim';
import type { TunnelPolicy } from '@corridor/tunnel';
import type { HostEvent, HostStatus } from '@corridor/tunnel-host';
import type { Hosts } from '../hosts.js';

/** Vehicle number, or the gateway. */
export type End = number | 'gateway';

/** What a runner has to work with. */
export interface RunnerContext {
  readonly hosts: Hosts;
  /** Links of each vehicle, best priority first. */
  readonly linkSets: readonly (readonly LinkSpec[])[];
  /** What the vehicles start with. */
  readonly policy: TunnelPolicy;
  /** IP version of the tunnel's own datagrams. */
  readonly outsideFamily: 4 | 6;
  /** MTU of the tunnel device; undefined: what the program chooses. */
  readonly mtu: number | undefined;
  /** What an end reports about itself. */
  readonly onEvent: (by: End, event: HostEvent) => void;
  /** A program ended by itself; the message has its last words. */
  readonly onFailure: (error: Error) => void;
}

export interface Runner {
  /** X25519, base64; known once {@link start} is done. */
  readonly gatewayPublicKey: string;
  /** What a program takes to start on a quiet machine: part of the time that a scenario wants the gateway away. */
  readonly gatewayStartUs: number;
  /** Resolves when every program runs and answers. @throws Error with what a program said that did not start. */
  start(): Promise<void>;
  /** kill -9, as a crash would end it. */
  kill(who: End): Promise<void>;
  /** Starts an end again that was killed. */
  startAgain(who: End): Promise<void>;
  /** Undefined while the end does not answer. Peers go by `vehicleName`, whatever the program calls them. */
  status(who: End): Promise<HostStatus | undefined>;
  /** Resolves when both ends have been told; version numbers are the runner's. */
  setPolicy(vehicle: number, policy: TunnelPolicy): Promise<void>;
  controlSocket(who: End): string;
  pid(who: End): number | undefined;
  /** Lets every program end by itself. */
  close(): Promise<void>;
}

export type MakeRunner = (context: RunnerContext) => Runner;
