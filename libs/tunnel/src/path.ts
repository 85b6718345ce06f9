/** One path of one peer: where it leads, how it is, what was measured. */
import { EarlyWarnings, type PathSnapshot, type PathState, type PathWarning } from '@corridor/strategy';
import { OVERHEAD_BYTES, serialDistance } from '@corridor/wire';
import { ADDRESS_BYTES } from './batch.js';
import { type Clock, Earliest } from './clock.js';
import { PathCongestion } from './congestion/index.js';
import {
  ACK_INTERVAL_US,
  DOWN_AFTER_MAX_US,
  DOWN_AFTER_PTOS,
  DOWN_AFTER_US,
  FLAP_MIN_US,
  FLAP_WINDOW_US,
  LOSS_PACKETS,
  LOSS_TIME_FACTOR,
  LOSS_TIME_MIN_US,
  PROBE_DOWN_FIRST_US,
  REORDER_HALF_LIFE_US,
  REORDER_MIN_US,
  SUSPECT_MARGIN_US,
  SUSPECT_QUIET_US,
  WARY_HALF_LIFE_US,
  WARY_MAX_US,
} from './constants.js';
import type { UplinkConditions } from './engine.js';
import { DirectionEstimate, RoundTrip } from './estimator.js';
import type { NumberSpace } from './number-space.js';

// Places in `times`.
const SINCE = 0;
const HEARD = 1;
const ASKED = 2;
const TRIGGER = 3;
const ANSWERED_SENT = 4;
const PROOF_FROM = 5;
const DOWN_STEP = 6;
const FLAP_START = 7;
const ARRIVED = 8;
const BUDGET = 9;
const ECHOED = 10;
const WARY = 11;
const WARY_AT = 12;
const PATIENCE = 13;
const SEND_DELAY = 14;
const REORDER = 15;
const REORDER_AT = 16;
const TAIL_PROBED = 17;
const LOSS_COST = 18;
const USUAL = 19;
const USUAL_AT = 20;
const LOSS_TIME = 21;
const LATE = 22;
const PLACES = 23;

/** One-way delay of a path that was never measured: behind all others. */
const UNKNOWN_DELAY_US = 10_000_000;

/** How fast the patience with a path grows at most, microseconds a microsecond. */
const PATIENCE_GROWTH = 0.1;
/** A packet of usual size, bits, in microseconds at one bit a second; and what answering it takes at most once it has arrived. */
const PACKET_BITS_US = 1_500 * 8e6;
const ANSWER_US = ACK_INTERVAL_US + 2_000;
/** A percent of loss weighs like 10 ms of delay. */
const LOSS_COST_US = 1_000_000;
/** From this share of its capacity a path counts as filled: its queue is our own. */
const FILLED = 0.7;
/** Share of the time in which an answer is overdue at which strategies are asked again: just above what warns them. */
const LATE_AT = 0.65;

/** Used within one call. */
const tail = new Earliest();

/** Route number of "none". */
export const NO_ROUTE = -1;

export class Path {
  state: PathState = 'gated';
  reason = 'new';
  priority = 1;
  metered = false;
  /** Told by the vehicle's host: the modem is in a foreign network; the data volume of the uplink is used up. */
  roaming = false;
  capReached = false;
  /** Radio quality, 0 to 1; undefined where it is not known, as at the gateway. */
  signal: number | undefined;
  /** Taken out of use by a drill, here or at the other end. */
  blocked = false;
  blockedByPeer = false;
  /** The uplink went away; the path is kept so that late datagrams do not bring it back. */
  gone = false;
  /** Its name came from the vehicle; until then it is known by its number. */
  named = false;
  /** It was up before, in this session. */
  provenBefore = false;

  /** Where datagrams of this path go: the host's route, and what it stands for. */
  route = NO_ROUTE;
  socket = -1;
  readonly address = new Uint8Array(ADDRESS_BYTES);
  /** Largest datagram that is known to get through, bytes of UDP payload; 0: not known, taken for any. */
  maxDatagram = 0;
  /** Large datagrams lost in a row while smaller ones arrived, and the smallest of them. */
  largeLost = 0;
  leastLargeLost = 0;
  /** The address is new and has not answered a challenge yet. */
  validating = false;
  /** Packet number space under the current epoch; undefined without a session. */
  space: NumberSpace | undefined;

  /** There and back over this path. */
  readonly rtt = new RoundTrip();
  /** There over this path, back with an acknowledgement over the peer's best one: what suspicion waits for. */
  readonly feedback = new RoundTrip();
  /** Towards the peer, as it acknowledges; and from the peer, as seen here. */
  readonly send = new DirectionEstimate();
  readonly receive = new DirectionEstimate();

  flaps = 0;
  proofs = 0;
  /** The receiver's silence report of the running silence went out. */
  silenceReported = false;
  /** An early warning of silence is in force. */
  doubted = false;
  /** While suspect: what raised the alarm was answered after all, so it was late, not lost. */
  lateAnswer = false;
  /**
   * So many packets in a row must be unanswered before their silence is the path's: one, unless it loses packets anyway.
   */
  evidence = 1;
  /** The peer reported silence on this path, and packets are missing. */
  reportedSilent = false;

  private readonly early = new EarlyWarnings();
  /** How much it carries towards the peer, and when. */
  readonly congestion = new PathCongestion();

  private readonly times = new Float64Array(PLACES);

  constructor(
    readonly id: number,
    public name: string,
    nowUs: number,
  ) {
    this.times[SINCE] = nowUs;
    this.times[HEARD] = nowUs;
    this.times[PROOF_FROM] = nowUs;
    this.times[ASKED] = Number.NEGATIVE_INFINITY;
    this.times[ARRIVED] = Number.NEGATIVE_INFINITY;
    this.times[ANSWERED_SENT] = Number.NEGATIVE_INFINITY;
    this.times[ECHOED] = Number.NEGATIVE_INFINITY;
    this.times[SEND_DELAY] = UNKNOWN_DELAY_US;
    this.updatePatience(nowUs);
  }

  /** Since when it is in its state. */
  get sinceUs(): number {
    return this.times[SINCE];
  }
  /** When it was last known to work in both directions. */
  get heardUs(): number {
    return this.times[HEARD];
  }
  /**
   * Until then the path is not silent, however late its oldest answer is: one whose delay varies answers in bursts, and a
   * slow one when it has brought the next packet.
   */
  get quietUntilUs(): number {
    const nextUs = PACKET_BITS_US / this.congestion.limitBps + ANSWER_US;
    return this.times[HEARD] + Math.max(SUSPECT_QUIET_US, nextUs) + 2 * this.send.jitterUs;
  }
  /** When a datagram that asks for an acknowledgement last went out. */
  get askedUs(): number {
    return this.times[ASKED];
  }
  set askedUs(value: number) {
    this.times[ASKED] = value;
  }
  /** When the unanswered datagram was sent that made the path suspect. */
  get triggerUs(): number {
    return this.times[TRIGGER];
  }
  set triggerUs(value: number) {
    this.times[TRIGGER] = value;
  }
  /** When the newest datagram was sent that has been answered. */
  get answeredSentUs(): number {
    return this.times[ANSWERED_SENT];
  }
  /** When the overdue end of its tail was last probed, microseconds. */
  get tailProbedUs(): number {
    return this.times[TAIL_PROBED];
  }
  set tailProbedUs(value: number) {
    this.times[TAIL_PROBED] = value;
  }
  /** When the proof of a gated path began, or began anew. */
  get proofFromUs(): number {
    return this.times[PROOF_FROM];
  }
  /** Step between probes while down. */
  get downStepUs(): number {
    return this.times[DOWN_STEP];
  }
  set downStepUs(value: number) {
    this.times[DOWN_STEP] = value;
  }
  /** When a datagram last arrived on this path. */
  get arrivedUs(): number {
    return this.times[ARRIVED];
  }

  /** A datagram came over it. */
  noteArrival(clock: Clock): void {
    this.times[ARRIVED] = clock.nowUs;
    this.silenceReported = false;
  }
  /** Bytes that may still go to an address which has not been validated. */
  get budget(): number {
    return this.times[BUDGET];
  }
  set budget(value: number) {
    this.times[BUDGET] = value;
  }
  /** When an acknowledgement of what came over this path last went back over it too. */
  get echoedUs(): number {
    return this.times[ECHOED];
  }
  set echoedUs(value: number) {
    this.times[ECHOED] = value;
  }

  /**
   * One-way delay to the peer as of now, above the same unknown constant for all paths of the peer, microseconds.
   */
  get sendDelayUs(): number {
    return this.times[SEND_DELAY];
  }

  /** What it costs to have an acknowledgement go over it: round trip, and a percent of loss like 10 ms. */
  get controlCostUs(): number {
    return this.rtt.expectedUs + this.times[LOSS_COST];
  }

  /** The path was measured. @param reference base delay of some path of the peer, see `PathCongestion.baseDelayUs` */
  noteDelay(reference: number): void {
    const aboveUs = serialDistance(this.congestion.baseDelayUs, reference);
    this.times[SEND_DELAY] = aboveUs + this.delayAboveUs;
  }

  /** How much later than at best a packet arrives that is sent now. */
  private get delayAboveUs(): number {
    return this.congestion.isElastic ? this.send.queueUs : this.send.delayVariationUs;
  }

  /** Overtaken packets that were sent longer ago are lost, microseconds. */
  get lossTimeUs(): number {
    return this.times[LOSS_TIME];
  }

  private updateLossTime(): void {
    const { feedback, times } = this;
    const roundTripUs = Math.max(feedback.expectedUs, feedback.latestUs);
    times[LOSS_TIME] = LOSS_TIME_FACTOR * roundTripUs + LOSS_TIME_MIN_US + times[REORDER];
  }

  /** A packet is lost when one numbered so much higher has arrived. */
  get lossPackets(): number {
    return this.times[REORDER] > 0 ? Number.MAX_SAFE_INTEGER : LOSS_PACKETS;
  }

  /** Packets taken for lost came after all: the network reorders. */
  noteReordering(nowUs: number): void {
    const { times } = this;
    times[REORDER] = Math.min(this.feedback.expectedUs, Math.max(REORDER_MIN_US, 2 * times[REORDER]));
    times[REORDER_AT] = nowUs;
    this.updateLossTime();
  }

  /** What the uplink is like now. Answers whether it matters to the gateway, too. */
  setConditions({ roaming, capReached, signal }: UplinkConditions): boolean {
    const isNews = roaming !== this.roaming || capReached !== this.capReached;
    this.roaming = roaming;
    this.capReached = capReached;
    this.signal = signal;
    return isNews;
  }

  /** Marks the path in a set of paths. Ids are small, as the vehicle gives out the lowest that is free. */
  get bit(): number {
    return 1 << (this.id & 31);
  }

  /** Whether an inner packet of so many bytes fits, as far as is known. */
  fits(length: number): boolean {
    return this.maxDatagram === 0 || length + OVERHEAD_BYTES <= this.maxDatagram;
  }

  /** Whether anything may be sent on it at all. */
  get usable(): boolean {
    return !this.gone && !this.blocked && !this.blockedByPeer && this.route !== NO_ROUTE;
  }

  /**
   * Silence of the tail that makes the path suspect: round trip, its deviation, the peer's acknowledgement delay, and
   * what false alarms have taught.
   */
  get patienceUs(): number {
    return this.times[PATIENCE];
  }

  /** Silence of the tail at which an early warning is due. */
  get lateUs(): number {
    return this.times[LATE];
  }

  /** The part of {@link patienceUs} in which an answer is overdue. */
  private marginUs(): number {
    return Math.max(SUSPECT_MARGIN_US, this.times[PATIENCE] - this.feedback.expectedUs);
  }

  /** To be called when {@link feedback} has changed. */
  updatePatience(nowUs: number): void {
    const { feedback } = this;
    const deviation = feedback.smoothedUs === 0 ? feedback.expectedUs / 2 : feedback.variationUs;
    const usualUs = feedback.expectedUs + Math.max(4 * deviation, SUSPECT_MARGIN_US) + ACK_INTERVAL_US;
    // The last answers before a silence come by slower ways, and must not put off the alarm.
    const mostUs = this.times[USUAL] + PATIENCE_GROWTH * (nowUs - this.times[USUAL_AT]);
    this.times[USUAL] = this.state === 'up' ? Math.min(usualUs, mostUs) : usualUs;
    this.times[USUAL_AT] = nowUs;
    this.times[PATIENCE] = this.times[USUAL] + this.times[WARY];
    this.times[LATE] = this.times[PATIENCE] - (1 - LATE_AT) * this.marginUs();
    this.updateLossTime();
  }

  /** An alarm was false: the answer was only late. Waits longer for a while, so that the next one like it is no alarm. */
  private becomeWary(nowUs: number): void {
    const lateUs = nowUs - this.times[TRIGGER] - this.patienceUs + SUSPECT_MARGIN_US;
    const mostUs = Math.min(WARY_MAX_US, this.feedback.expectedUs);
    this.times[WARY] = Math.min(mostUs, Math.max(this.times[WARY] * 2, this.times[WARY] + Math.max(0, lateUs)));
    this.times[WARY_AT] = nowUs;
    this.updatePatience(nowUs);
  }

  /** Lets the wariness fade. */
  calmDown(nowUs: number): void {
    if (this.times[REORDER] > 0 && nowUs - this.times[REORDER_AT] >= REORDER_HALF_LIFE_US) {
      this.times[REORDER] = this.times[REORDER] > 2 * REORDER_MIN_US ? this.times[REORDER] / 2 : 0;
      this.times[REORDER_AT] = nowUs;
      this.updateLossTime();
    }
    const halves = Math.floor((nowUs - this.times[WARY_AT]) / WARY_HALF_LIFE_US);
    if (halves < 1) return;
    this.times[WARY] = halves > 10 ? 0 : this.times[WARY] / 2 ** halves;
    this.times[WARY_AT] = nowUs;
    this.updatePatience(nowUs);
  }

  /** Silence after which a suspected path is down. */
  downAfterUs(): number {
    return Math.min(DOWN_AFTER_MAX_US, Math.max(DOWN_AFTER_US, DOWN_AFTER_PTOS * this.patienceUs));
  }

  /** Notes an answer to a datagram sent at `sentUs`. */
  answered(sentUs: number, nowUs: number): void {
    this.times[HEARD] = nowUs;
    if (sentUs > this.times[ANSWERED_SENT]) this.times[ANSWERED_SENT] = sentUs;
    if (this.state === 'gated' && sentUs >= this.times[PROOF_FROM]) this.proofs++;
  }

  /** Begins the proof anew: a probe went missing. */
  restartProof(nowUs: number): void {
    this.proofs = 0;
    this.times[PROOF_FROM] = nowUs;
  }

  enter(state: PathState, reason: string, nowUs: number): void {
    if (this.state === 'suspect' && state === 'up') {
      if (nowUs - this.times[SINCE] >= FLAP_MIN_US) this.countFlap(nowUs);
      if (this.lateAnswer) this.becomeWary(nowUs);
    }
    this.lateAnswer = false;
    this.state = state;
    this.reason = reason;
    this.times[SINCE] = nowUs;
    this.reportedSilent = false;
    if (state === 'gated') {
      this.restartProof(nowUs);
      this.flaps = 0;
    }
    if (state === 'down') {
      this.times[DOWN_STEP] = PROBE_DOWN_FIRST_US;
      // Only an answer to something sent from now on brings it back.
      this.times[TRIGGER] = nowUs;
    }
    if (state === 'up') this.provenBefore = true;
  }

  /** The uplink is there again. */
  revive(name: string, nowUs: number): void {
    this.name = name;
    this.gone = false;
    this.provenBefore = false;
    this.times[ASKED] = Number.NEGATIVE_INFINITY;
    this.enter('gated', 'is there again', nowUs);
  }

  /** @param fastest the path of the least one-way delay, by which the others' are measured, for each direction */
  snapshot(nowUs: number, fastest: Readonly<Record<'send' | 'receive', Path | undefined>>): PathSnapshot {
    const { rtt, send, receive } = this;
    const halfUs = (way: 'send' | 'receive') => (fastest[way]?.rtt.minUs ?? 0) / 2;
    const towards = directionSnapshot(send, this.delayAboveUs, nowUs, fastest.send?.send, halfUs('send'));
    const { capacityBps, queueUs } = this.limits();
    this.evidence = evidenceFor(towards);
    this.times[LOSS_COST] = towards.lossRatio * LOSS_COST_US;
    return {
      id: this.id,
      name: this.name,
      state: this.usable ? this.state : 'down',
      rttUs: rtt.smoothedUs,
      minRttUs: rtt.minUs,
      rttVarUs: rtt.variationUs,
      send: { ...towards, capacityBps, queueUs },
      receive: directionSnapshot(receive, receive.delayVariationUs, nowUs, fastest.receive?.receive, halfUs('receive')),
      priority: this.priority,
      metered: this.metered,
      roaming: this.roaming,
      capReached: this.capReached,
      signal: this.signal,
      warnings: this.warningsOf(towards, capacityBps, nowUs),
    };
  }

  /** What congestion control has found out; a capacity only once its limit has shown. */
  private limits(): Pick<PathSnapshot['send'], 'capacityBps' | 'queueUs'> {
    const { congestion } = this;
    return { capacityBps: congestion.isDiscovering ? 0 : congestion.rateBps, queueUs: congestion.queueUs };
  }

  private warningsOf(towards: PathSnapshot['send'], capacityBps: number, nowUs: number): readonly PathWarning[] {
    if (this.state === 'down' || this.state === 'gated') {
      this.early.reset();
      this.doubted = false;
      return [];
    }
    tail.reset();
    this.space?.sent.noteTail(this.evidence, tail);
    const warnings = this.early.update({
      nowUs,
      delayVariationUs: towards.delayVariationUs,
      jitterUs: towards.jitterUs,
      lossRatio: towards.lossRatio,
      burstPackets: towards.burstPackets,
      silence: Math.max(0, 1 - (tail.us + this.patienceUs - nowUs) / this.marginUs()),
      signal: this.signal,
      isFilled: capacityBps > 0 && towards.deliveredBps >= FILLED * capacityBps,
    });
    this.doubted = warnings.includes('silence');
    return warnings;
  }

  private countFlap(nowUs: number): void {
    if (nowUs - this.times[FLAP_START] > FLAP_WINDOW_US) {
      this.times[FLAP_START] = nowUs;
      this.flaps = 0;
    }
    this.flaps++;
  }
}

/** A path that loses packets in bursts may lose so many times the mean burst; beyond the second it is silent. */
const BURSTS_AWAITED = 2;
const LONGEST_BURST = 24;

/** Packets in a row that a path of so much loss loses by chance less than once in some ten thousand. */
function evidenceFor({ lossRatio, burstPackets }: PathSnapshot['send']): number {
  if (lossRatio < 0.001) return 1;
  const single = lossRatio < 0.02 ? 2 : lossRatio < 0.08 ? 3 : 5;
  return Math.max(single, Math.min(LONGEST_BURST, Math.ceil(BURSTS_AWAITED * burstPackets)));
}

function directionSnapshot(
  estimate: DirectionEstimate,
  aboveUs: number,
  nowUs: number,
  fastest: DirectionEstimate | undefined,
  fastestUs: number,
): PathSnapshot['send'] {
  const own = estimate.leastTransitUs;
  const least = fastest?.leastTransitUs;
  const isKnown = own !== undefined && least !== undefined && fastestUs > 0;
  return {
    oneWayDelayUs: isKnown ? fastestUs + serialDistance(own, least) + aboveUs : 0,
    delayVariationUs: estimate.delayVariationUs,
    jitterUs: estimate.jitterUs,
    lossRatio: estimate.lossRatio(nowUs),
    deliveredBps: estimate.rateBps(nowUs),
    // How much the peer could send is its own business.
    capacityBps: 0,
    queueUs: estimate.delayVariationUs,
    burstPackets: estimate.burstPackets(nowUs),
  };
}

/** The path of the least one-way delay in a direction, among those that were measured and still answer. */
export function fastestOf(paths: readonly Path[], way: 'send' | 'receive'): Path | undefined {
  let fastest: Path | undefined;
  for (const path of paths) {
    const own = path[way].leastTransitUs;
    const least = fastest?.[way].leastTransitUs;
    // One that is down was last measured long ago, and clocks drift apart.
    if (own === undefined || path.rtt.smoothedUs === 0 || path.state === 'down') continue;
    if (least === undefined || serialDistance(own, least) < 0) fastest = path;
  }
  return fastest;
}
