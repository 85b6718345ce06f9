/** What the queues of a peer are to do, written down as plainly as possible: the oracle beside the fast structure. */
import type { QueueClass } from '../src/queueing/class-table.js';

export interface ModelPacket {
  readonly id: number;
  readonly flow: number;
  readonly length: number;
  readonly heldUs: number;
  readonly ect: boolean;
  enqueuedUs: number;
  judged: boolean;
}

interface ModelFlow {
  waiting: ModelPacket[];
  deficit: number;
  count: number;
  lastCount: number;
  dropping: boolean;
  firstAboveUs: number | undefined;
  dropNextUs: number;
}

interface ModelClass {
  readonly rules: QueueClass;
  readonly place: number;
  credit: number;
  blocked: boolean;
  targetUs: number;
  intervalUs: number;
  /** All flows ever seen: a closed one comes back with the state of its CoDel. */
  readonly flows: Map<number, ModelFlow>;
  fresh: ModelFlow[];
  old: ModelFlow[];
  parkedFresh: ModelFlow[];
  parkedOld: ModelFlow[];
}

export class QueueModel {
  readonly drops: [id: number, reason: 'codel' | 'deadline'][] = [];
  readonly marks = new Set<number>();
  /** Empty flows were closed out of turn. */
  closedSpare = false;
  private classes: ModelClass[];
  private pardonedUntilUs = 0;
  private answered: { index: number; flow: ModelFlow; packet: ModelPacket } | undefined;

  constructor(rules: readonly QueueClass[]) {
    this.classes = rules.map(newClass);
  }

  get packets(): number {
    return this.classes.reduce((sum, { flows }) => sum + packetsOf(flows.values()), 0);
  }

  backlog(index: number): { packets: number; bytes: number } {
    const waiting = [...this.classes[index].flows.values()].flatMap((flow) => flow.waiting);
    return { packets: waiting.length, bytes: waiting.reduce((sum, { length }) => sum + length, 0) };
  }

  waiting(): number[] {
    return this.classes.flatMap(({ flows }) => [...flows.values()].flatMap((flow) => flow.waiting.map(({ id }) => id)));
  }

  setTarget(index: number, us: number): void {
    this.classes[index].targetUs = us;
    this.classes[index].intervalUs = Math.max(100_000, 10 * us);
  }

  pardon(untilUs: number): void {
    this.pardonedUntilUs = untilUs;
  }

  enqueue(packet: ModelPacket, classIndex: number, nowUs: number): void {
    const kept = this.classes[classIndex] ?? this.classes[0];
    let flow = kept.flows.get(packet.flow);
    if (flow === undefined || !lists(kept).some((list) => list.includes(flow as ModelFlow))) {
      this.closeSpareFlows();
      flow ??= {
        waiting: [],
        deficit: 0,
        count: 0,
        lastCount: 0,
        dropping: false,
        firstAboveUs: undefined,
        dropNextUs: 0,
      };
      kept.flows.set(packet.flow, flow);
      flow.deficit = 1500;
      kept.fresh.push(flow);
    }
    packet.enqueuedUs = nowUs;
    packet.judged = false;
    flow.waiting.push(packet);
  }

  /** Ids of the packets one of which the limit may drop: heads of flows that none exceeds by a quantum. */
  victims(): number[] {
    const groups = [
      this.classes.filter(({ rules }) => !rules.urgent),
      this.classes.filter(({ rules }) => rules.urgent),
    ];
    for (const group of groups) {
      const flows = group.flatMap(({ flows }) => [...flows.values()]).filter(({ waiting }) => waiting.length > 0);
      const most = Math.max(...flows.map(bytesOf));
      if (flows.length > 0)
        return flows.filter((flow) => bytesOf(flow) + 1500 > most).map(({ waiting }) => waiting[0].id);
    }
    return [];
  }

  begin(): void {
    for (const kept of this.classes) {
      kept.blocked = false;
      kept.fresh = [...kept.parkedFresh, ...kept.fresh];
      kept.old = [...kept.parkedOld, ...kept.old];
      kept.parkedFresh = [];
      kept.parkedOld = [];
    }
  }

  next(nowUs: number): number {
    const ranked = [...this.classes].sort(compare);
    const others = ranked.filter(({ rules }) => !rules.urgent);
    const packet =
      this.firstOf(
        ranked.filter(({ rules }) => rules.urgent),
        false,
        nowUs,
      ) ??
      this.firstOf(
        others.filter(({ credit }) => credit > 0),
        true,
        nowUs,
      ) ??
      this.firstOf(others, false, nowUs);
    if (packet === undefined) this.answered = undefined;
    return packet?.id ?? -1;
  }

  taken(): void {
    const { index, flow, packet } = this.answered as NonNullable<typeof this.answered>;
    flow.deficit -= packet.length;
    const total = this.classes.reduce((sum, { rules }) => sum + (rules.urgent ? 0 : rules.minShare), 0);
    for (const [at, kept] of this.classes.entries()) {
      if (kept.rules.urgent || packetsOf(kept.flows.values()) === 0) continue;
      const share = total > 0.9 ? (kept.rules.minShare * 0.9) / total : kept.rules.minShare;
      const earned = kept.credit + share * packet.length - (at === index ? packet.length : 0);
      kept.credit = Math.min(6000, Math.max(0, earned));
    }
    this.takeOut(packet.id);
  }

  blocked(wholeClass: boolean): void {
    const { index, flow } = this.answered as NonNullable<typeof this.answered>;
    this.answered = undefined;
    const kept = this.classes[index];
    if (wholeClass) kept.blocked = true;
    else if (kept.fresh[0] === flow) kept.parkedFresh.push(kept.fresh.shift() as ModelFlow);
    else kept.parkedOld.push(kept.old.shift() as ModelFlow);
  }

  takeOut(id: number): boolean {
    for (const kept of this.classes) {
      for (const flow of kept.flows.values()) {
        const at = flow.waiting.findIndex((packet) => packet.id === id);
        if (at < 0) continue;
        flow.waiting.splice(at, 1);
        if (this.answered?.packet.id === id) this.answered = undefined;
        if (packetsOf(kept.flows.values()) === 0) closeClass(kept);
        return true;
      }
    }
    return false;
  }

  reconfigure(rules: readonly QueueClass[], newIndexOf: readonly number[]): void {
    const before = this.classes;
    this.answered = undefined;
    this.begin();
    this.classes = rules.map(newClass);
    this.pardonedUntilUs = 0;
    for (const [index, kept] of before.entries()) {
      const target = this.classes[newIndexOf[index]] ?? this.classes[0];
      for (const [list, to] of [
        [kept.fresh, target.fresh],
        [kept.old, target.old],
      ]) {
        for (const flow of list.filter(({ waiting }) => waiting.length > 0)) {
          const number = [...kept.flows].find(([, other]) => other === flow)?.[0] as number;
          const same = target.flows.get(number);
          if (same === undefined) {
            target.flows.set(number, flow);
            to.push(flow);
          } else {
            for (const packet of [...same.waiting, ...flow.waiting]) packet.judged = false;
            same.waiting = [...same.waiting, ...flow.waiting].sort((a, b) => a.enqueuedUs - b.enqueuedUs);
          }
        }
      }
    }
  }

  clear(): void {
    this.classes = this.classes.map(({ rules, targetUs, intervalUs }, index) => {
      return { ...newClass(rules, index), targetUs, intervalUs };
    });
    this.pardonedUntilUs = 0;
    this.answered = undefined;
  }

  private firstOf(classes: readonly ModelClass[], onCredit: boolean, nowUs: number): ModelPacket | undefined {
    for (const kept of classes) {
      const packet = kept.blocked ? undefined : this.headOf(kept, onCredit, nowUs);
      if (packet !== undefined) return packet;
    }
    return undefined;
  }

  private headOf(kept: ModelClass, onCredit: boolean, nowUs: number): ModelPacket | undefined {
    while (packetsOf(kept.flows.values()) > 0) {
      const flow = turn(kept);
      if (flow === undefined) return undefined;
      const [packet] = flow.waiting;
      if (onCredit && kept.credit < packet.length) return undefined;
      const verdict = this.judge(kept, flow, packet, nowUs);
      if (verdict === undefined) {
        this.answered = { index: kept.place, flow, packet };
        return packet;
      }
      this.drops.push([packet.id, verdict]);
      this.takeOut(packet.id);
    }
    return undefined;
  }

  private judge(
    kept: ModelClass,
    flow: ModelFlow,
    packet: ModelPacket,
    nowUs: number,
  ): 'codel' | 'deadline' | undefined {
    if (nowUs - packet.heldUs > kept.rules.deadlineUs) return 'deadline';
    if (packet.judged || kept.rules.urgent) return undefined;
    packet.judged = true;
    if (!this.codelDrops(kept, flow, packet, nowUs)) return undefined;
    if (!packet.ect) return 'codel';
    this.marks.add(packet.id);
    return undefined;
  }

  private codelDrops(kept: ModelClass, flow: ModelFlow, packet: ModelPacket, nowUs: number): boolean {
    const behind = this.backlog(kept.place).bytes - packet.length;
    const isBelow = nowUs - packet.enqueuedUs < kept.targetUs || behind <= 1500 || nowUs < this.pardonedUntilUs;
    if (isBelow) flow.firstAboveUs = undefined;
    else flow.firstAboveUs ??= nowUs + kept.intervalUs;
    if (flow.firstAboveUs === undefined || nowUs < flow.firstAboveUs) {
      flow.dropping = false;
      return false;
    }
    if (flow.dropping) {
      if (nowUs < flow.dropNextUs) return false;
      flow.count++;
      flow.dropNextUs += kept.intervalUs / Math.sqrt(flow.count);
      return true;
    }
    flow.dropping = true;
    const more = flow.count - flow.lastCount;
    flow.count = more > 1 && nowUs - flow.dropNextUs < 16 * kept.intervalUs ? more : 1;
    flow.lastCount = flow.count;
    flow.dropNextUs = nowUs + kept.intervalUs / Math.sqrt(flow.count);
    return true;
  }

  private closeSpareFlows(): void {
    const open = this.classes.reduce((sum, kept) => sum + lists(kept).flat().length, 0);
    if (open <= 2 * this.packets + 16) return;
    this.closedSpare = true;
    for (const kept of this.classes) {
      for (const list of lists(kept)) {
        for (const flow of list.filter(({ waiting }) => waiting.length === 0)) {
          list.splice(list.indexOf(flow), 1);
          forget(flow);
        }
      }
    }
  }
}

function newClass(rules: QueueClass, place: number): ModelClass {
  return {
    rules,
    place,
    credit: 0,
    blocked: false,
    targetUs: 5_000,
    intervalUs: 100_000,
    flows: new Map(),
    fresh: [],
    old: [],
    parkedFresh: [],
    parkedOld: [],
  };
}

function turn(kept: ModelClass): ModelFlow | undefined {
  for (;;) {
    const list = kept.fresh.length > 0 ? kept.fresh : kept.old;
    const [flow] = list;
    if (flow === undefined) return undefined;
    if (flow.deficit > 0 && flow.waiting.length > 0) return flow;
    list.shift();
    if (flow.deficit <= 0) {
      flow.deficit += 1500;
      kept.old.push(flow);
      continue;
    }
    forget(flow);
    if (list === kept.fresh && kept.old.length > 0) kept.old.push(flow);
  }
}

function closeClass(kept: ModelClass): void {
  for (const list of lists(kept)) for (const flow of list.splice(0)) forget(flow);
  kept.credit = 0;
}

function forget(flow: ModelFlow): void {
  flow.dropping = false;
  flow.firstAboveUs = undefined;
}

function lists(kept: ModelClass): ModelFlow[][] {
  return [kept.fresh, kept.old, kept.parkedFresh, kept.parkedOld];
}

function packetsOf(flows: Iterable<ModelFlow>): number {
  let packets = 0;
  for (const { waiting } of flows) packets += waiting.length;
  return packets;
}

function bytesOf({ waiting }: ModelFlow): number {
  return waiting.reduce((sum, { length }) => sum + length, 0);
}

function compare(a: ModelClass, b: ModelClass): number {
  if (a.rules.urgent !== b.rules.urgent) return a.rules.urgent ? -1 : 1;
  if (a.rules.priority !== b.rules.priority) return a.rules.priority - b.rules.priority;
  return (a.place || 16) - (b.place || 16);
}
