/**
 * Tells people of the decisions that moved a class's traffic: what was known then, what changed, and what came of it.
 *
 * Everything is worked out from the snapshots that the strategies have just seen, at the pace at which plans are made;
 * nothing is done for a packet. What may come and go with every plan is told at most once per class and {@link PAUSE_US}.
 */
import type { PathSnapshot } from '@corridor/strategy';
import type { ClassSpending, PathFigures } from './events.js';
import type { Peer } from './peer.js';
import {
  type Execution,
  FELT_DROPPED_BYTES,
  FELT_DROPS,
  FELT_RETRANSMISSIONS,
  MODE_NAMES,
  namesOf,
  type Switch,
} from './scheduler.js';

/** Between two events of one kind that are not a switch, for one class. */
export const PAUSE_US = 2_000_000;
/** What came of a switch is told so long after it, and of a row of switches so long after the first at the latest. */
const EFFECT_AFTER_US = 2_000_000;
const EFFECT_LATEST_US = 4_000_000;

/** A switch with what was known when it was decided. */
export interface Decision extends Switch {
  readonly before: ClassSpending;
  readonly after: ClassSpending;
  readonly figures: readonly PathFigures[];
  readonly demandBps: number;
}

const NOTHING: ClassSpending = { mode: 'single', copies: 0, repairPermille: 0 };
const NONE: readonly PathSnapshot[] = [];
const NO_DECISION: readonly Decision[] = [];

// Places in `Story.numbers`: when, and the class's counters, at the first of the switches whose effect is awaited.
const SINCE = 0;
const LAST = 1;
const PACKETS = 2;
const BYTES = 3;
const RETRANSMISSIONS = 4;
const DROPS = 5;
const DROPPED_BYTES = 6;
const WAITING_BYTES = 7;
/** When a protection event was last told. */
const TOLD = 8;

/** What has been told of a class. */
class Story {
  readonly numbers = new Float64Array([0, 0, 0, 0, 0, 0, 0, 0, Number.NEGATIVE_INFINITY]);
  /** What it spent by the plan before, and as people were told last. */
  spent = NOTHING;
  told = NOTHING;
  changes = 0;
  /** Switches whose effect is awaited, and the paths before the first of them. */
  switches = 0;
  from: readonly string[] = [];

  constructor(readonly execution: Execution) {}
}

export class Explain {
  private readonly stories = new Map<string, Story>();
  /** What the strategies saw at the plan before: the last that is known of a path which was taken away. */
  private seenBefore = NONE;

  constructor(private readonly peer: Peer) {}

  /** Plans were made. Answers the switches with their figures; tells of everything else that is due. */
  planned(switches: readonly Switch[]): readonly Decision[] {
    const { executions, snapshots } = this.peer.scheduler;
    let decisions = NO_DECISION;
    for (const execution of executions) {
      const story = this.storyOf(execution);
      const moved = switches.find((one) => one.trafficClass === execution.name);
      const { spent } = story;
      if (!spends(execution, spent)) {
        story.spent = spendingOf(execution);
        story.changes++;
      }
      if (moved !== undefined) {
        decisions = [...decisions, this.decisionOf(moved, spent, story)];
        story.told = story.spent;
        story.changes = 0;
        if (moved.from.length > 0) this.await(story, moved.from);
      } else this.tellProtection(story);
      if (story.switches > 0) this.tellEffect(story);
    }
    this.seenBefore = snapshots;
    return decisions;
  }

  /** Of the class of this name; counters start afresh with every policy. */
  private storyOf(execution: Execution): Story {
    const old = this.stories.get(execution.name);
    if (old?.execution === execution) return old;
    const story = new Story(execution);
    if (old !== undefined) {
      story.spent = old.spent;
      story.told = old.told;
      story.numbers[TOLD] = old.numbers[TOLD];
    }
    this.stories.set(execution.name, story);
    if (this.stories.size > this.peer.scheduler.executions.length) this.forgetOthers();
    return story;
  }

  private forgetOthers(): void {
    const names = new Set(this.peer.scheduler.executions.map(({ name }) => name));
    for (const name of this.stories.keys()) if (!names.has(name)) this.stories.delete(name);
  }

  private decisionOf(moved: Switch, before: ClassSpending, { spent, execution }: Story): Decision {
    const demandBps = Math.round(execution.demand.rateBps);
    // Where paths come and go, most switches are of classes that send nothing: nothing moved, and reports cost bytes.
    const figures = demandBps > 0 ? this.figuresOf(moved.from, moved.to) : [];
    return { ...moved, before, after: spent, figures, demandBps };
  }

  /** The class stays where it is: is it protected otherwise than people know? Idle classes spend nothing. */
  private tellProtection(story: Story): void {
    const { told, spent, execution, numbers } = story;
    const { peer } = this;
    const { nowUs } = peer.core.clock;
    if (isEqual(told, spent) || nowUs - numbers[TOLD] < PAUSE_US || execution.demand.rateBps === 0) return;
    const paths = namesOf(execution);
    peer.core.emit({
      type: 'protection',
      atUs: nowUs,
      peer: peer.name,
      trafficClass: execution.name,
      paths,
      reason: execution.plan?.reason ?? '',
      before: told,
      after: spent,
      figures: this.figuresOf(paths, paths),
      demandBps: Math.round(execution.demand.rateBps),
      changes: story.changes,
    });
    story.told = spent;
    story.changes = 0;
    numbers[TOLD] = nowUs;
  }

  /** Looks again at the class a little later. */
  private await(story: Story, from: readonly string[]): void {
    const { numbers, execution } = story;
    const { nowUs } = this.peer.core.clock;
    numbers[LAST] = nowUs;
    if (story.switches++ > 0) return;
    story.from = from;
    numbers[SINCE] = nowUs;
    numbers[PACKETS] = execution.demand.allPackets;
    numbers[BYTES] = execution.demand.allBytes;
    numbers[RETRANSMISSIONS] = execution.numbers[FELT_RETRANSMISSIONS];
    numbers[DROPS] = execution.numbers[FELT_DROPS];
    numbers[DROPPED_BYTES] = execution.numbers[FELT_DROPPED_BYTES];
    numbers[WAITING_BYTES] = this.peer.dispatcher.queues.backlogBytes(execution.index);
  }

  private tellEffect(story: Story): void {
    const { numbers, execution } = story;
    const { nowUs } = this.peer.core.clock;
    if (nowUs < Math.min(numbers[LAST] + EFFECT_AFTER_US, numbers[SINCE] + EFFECT_LATEST_US)) return;
    const { switches, from } = story;
    story.switches = 0;
    if (execution.demand.allPackets === numbers[PACKETS]) return;
    const to = namesOf(execution);
    this.peer.core.emit({
      type: 'path-switch-effect',
      atUs: nowUs,
      peer: this.peer.name,
      trafficClass: execution.name,
      from,
      to,
      sinceUs: numbers[SINCE],
      switches,
      after: story.spent,
      figures: this.figuresOf(from, to),
      felt: this.feltSince(story, nowUs - numbers[SINCE]),
    });
  }

  private feltSince({ numbers, execution }: Story, spanUs: number) {
    const { demand, numbers: felt, index } = execution;
    const { queues } = this.peer.dispatcher;
    const handedBytes = demand.allBytes - numbers[BYTES];
    const droppedBytes = felt[FELT_DROPPED_BYTES] - numbers[DROPPED_BYTES];
    const sentBytes = handedBytes - droppedBytes - (queues.backlogBytes(index) - numbers[WAITING_BYTES]);
    return {
      spanUs,
      packets: demand.allPackets - numbers[PACKETS],
      retransmissions: felt[FELT_RETRANSMISSIONS] - numbers[RETRANSMISSIONS],
      queueDrops: felt[FELT_DROPS] - numbers[DROPS],
      waiting: queues.backlogPackets(index),
      demandBps: Math.round((handedBytes * 8e6) / spanUs),
      sentBps: Math.max(0, Math.round((sentBytes * 8e6) / spanUs)),
    };
  }

  private figuresOf(from: readonly string[], to: readonly string[]): PathFigures[] {
    const names = [...from, ...to.filter((name) => !from.includes(name))];
    const figures: PathFigures[] = [];
    for (const name of names) {
      const now = this.peer.scheduler.snapshots.find((one) => one.name === name);
      const seen = now ?? this.seenBefore.find((one) => one.name === name);
      if (seen === undefined) continue;
      const places = { placeBefore: from.indexOf(name) + 1, placeAfter: to.indexOf(name) + 1 };
      figures.push({
        ...figuresOfPath(seen),
        ...(now === undefined ? { state: 'down', warnings: [] } : {}),
        ...places,
      });
    }
    return figures;
  }
}

function figuresOfPath({ name, id, state, send, warnings }: PathSnapshot) {
  return {
    path: name,
    pathId: id,
    state,
    oneWayDelayUs: Math.round(send.oneWayDelayUs),
    queueUs: Math.round(send.queueUs),
    lossRatio: Math.round(send.lossRatio * 10_000) / 10_000,
    burstPackets: Math.round(send.burstPackets * 10) / 10,
    capacityBps: Math.round(send.capacityBps),
    deliveredBps: Math.round(send.deliveredBps),
    warnings,
  };
}

function spendingOf({ mode, copies, repairPermille }: Execution): ClassSpending {
  return { mode: MODE_NAMES[mode], copies, repairPermille };
}

function spends({ mode, copies, repairPermille }: Execution, spending: ClassSpending): boolean {
  return spending.mode === MODE_NAMES[mode] && spending.copies === copies && spending.repairPermille === repairPermille;
}

function isEqual(a: ClassSpending, b: ClassSpending): boolean {
  return a.mode === b.mode && a.copies === b.copies && a.repairPermille === b.repairPermille;
}
