/** The emulator's thread: {@link Emulator} behind calls from the main thread. */
import { nowUs } from '@corridor/packet-io';
import {
  BLACKOUT_DROPS,
  DELIVERED_BYTES,
  DELIVERED_PACKETS,
  type DirectionChange,
  type LinkDirectionResult,
  LOSSES,
  OFFERED_BYTES,
  OFFERED_PACKETS,
  QUEUE_DROPS,
  type StepDirection,
  TOO_LONG_DROPS,
} from '@corridor/sim';
import type { LinkFigures } from '../face.js';
import { takePrecedence } from '../thread/priority.js';
import { serve } from '../thread/rpc.js';
import { Emulator } from './emulator.js';
import { BIN_US, type Lane, type LinkPlan } from './link.js';

let emulator = new Emulator(1);

function lanes(vehicle: number, link: string, direction: StepDirection): Lane[] {
  const { up, down } = emulator.link(vehicle, link);
  return direction === 'both' ? [up, down] : [direction === 'up' ? up : down];
}

const methods = {
  create(seed: number, plans: readonly LinkPlan[]): void {
    emulator = new Emulator(seed);
    for (const plan of plans) emulator.addLink(plan);
  },

  start(): void {
    emulator.start();
  },

  setBlackout(vehicle: number, link: string, direction: StepDirection, blackout: boolean): void {
    for (const lane of lanes(vehicle, link, direction)) lane.model.blackout = blackout;
  },

  setLink(vehicle: number, link: string, direction: StepDirection, change: DirectionChange): void {
    for (const lane of lanes(vehicle, link, direction)) lane.model.set(change);
  },

  rebindNat(vehicle: number, link: string): void {
    emulator.link(vehicle, link).rebindNat();
  },

  setAddresses(vehicle: number, link: string, addresses: readonly string[]): void {
    emulator.link(vehicle, link).setAddresses(addresses);
  },

  figures(): LinkFigures[] {
    return emulator.links.flatMap(({ vehicle, name, up, down }) => [
      laneFigures(vehicle, name, up),
      laneFigures(vehicle, name, down),
    ]);
  },

  /** The link's counters in the shape that the simulator answers. */
  results(vehicle: number, link: string): { up: LinkDirectionResult; down: LinkDirectionResult } {
    const { up, down } = emulator.link(vehicle, link);
    return { up: directionResult(up), down: directionResult(down) };
  },

  resetLateness(): void {
    for (const { up, down } of emulator.links) {
      up.lateness.reset();
      down.lateness.reset();
    }
  },

  /** Bytes that a direction carried in each `binUs` of a time. */
  carried(vehicle: number, link: string, direction: 'up' | 'down', fromUs: number, toUs: number) {
    const { up, down } = emulator.link(vehicle, link);
    return { binUs: BIN_US, bytes: (direction === 'up' ? up : down).carriedBetween(fromUs, toUs) };
  },

  /** Starts keeping copies of the next `limit` packets that a direction carries. */
  capture(vehicle: number, link: string, direction: 'up' | 'down', limit: number): void {
    for (const lane of lanes(vehicle, link, direction)) {
      lane.captured = [];
      lane.captureLimit = limit;
    }
  },

  captured(vehicle: number, link: string, direction: 'up' | 'down'): Uint8Array[] {
    return lanes(vehicle, link, direction)[0].captured;
  },

  /** All links of all vehicles at the same moment; see {@link Link.restart}. */
  restart(): void {
    const now = nowUs();
    for (const link of emulator.links) link.restart(now);
  },

  /** When the link's traces and rate profiles began, CLOCK_MONOTONIC us. */
  originUs(vehicle: number, link: string): number {
    return emulator.link(vehicle, link).originUs;
  },

  overruns(): number {
    return emulator.overruns;
  },

  close(): void {
    emulator.close();
  },
};

export type EmulatorMethods = typeof methods;

function laneFigures(vehicle: number, link: string, lane: Lane): LinkFigures {
  const counters = directionResult(lane);
  return {
    vehicle,
    link,
    direction: lane.up ? 'up' : 'down',
    cut: lane.model.blackout,
    packets: counters.deliveredPackets,
    bytes: counters.deliveredBytes,
    dropped: counters.lostPackets + counters.queueDrops + counters.blackoutDrops + counters.tooLongDrops,
    strays: lane.strays,
    inFlight: lane.inFlight,
    offeredBytes: counters.offeredBytes,
    smallBytes: lane.smallBytes,
    latenessUs: lane.lateness.figures(),
  };
}

function directionResult(lane: Lane): LinkDirectionResult {
  const { counters } = lane.model;
  return {
    offeredPackets: counters[OFFERED_PACKETS],
    offeredBytes: counters[OFFERED_BYTES],
    deliveredPackets: counters[DELIVERED_PACKETS],
    deliveredBytes: counters[DELIVERED_BYTES],
    lostPackets: counters[LOSSES],
    queueDrops: counters[QUEUE_DROPS],
    tooLongDrops: counters[TOO_LONG_DROPS],
    blackoutDrops: counters[BLACKOUT_DROPS],
  };
}

takePrecedence();
serve(methods);
