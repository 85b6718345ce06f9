/** Every number that tunes the congestion control, with its unit and reason. */

/** Until anything is known: ten packets in 100 ms, as the initial window of RFC 9002 section 7.2 does. */
export const FIRST_RATE_BPS = 1.2e6;
export const FIRST_PIPE_US = 100_000;
/** Below this nothing could be measured: a packet in 0.6 s. */
export const MIN_RATE_BPS = 20e3;
/** Size by which times are judged where no packet is at hand. */
export const PACKET_BYTES = 1500;
/** The window never closes below this: enough for three acknowledged packets to reveal the loss of one. */
export const MIN_WINDOW_BYTES = 4 * PACKET_BYTES;

/** The peer acknowledges so far apart, see ACK_INTERVAL_US of the engine. */
export const ACK_US = 5_000;
/** Credit of the pacer: this much may leave at once. A packet's time where that is more. */
export const BURST_US = 1_000;
/** A burst that was announced goes within this time, or not as a burst. */
export const CREDIT_US = 20_000;

/** Window of the lower envelope of the delay: scheduling of a radio cell is 5-20 ms. */
export const ENVELOPE_US = 40_000;
/** The base of the delay is the least of one to two of these: 50 us/s of clock drift are half a millisecond. */
export const BASE_WINDOW_US = 10_000_000;
/** Rates are measured over at least this... */
export const RATE_SPAN_US = 25_000;
/** ...and so many packets. */
export const RATE_PACKETS = 4;
/** Until a limit has shown, a shorter round trip is enough for a round, down to two acknowledgements. */
export const DISCOVERY_SPAN_US = 10_000;
/** Urgent packets may overdraw by this share of the capacity, or by this rate where that is more; so much of it at once. */
export const OVERDRAFT_SHARE = 0.25;
export const OVERDRAFT_BPS = 128_000;
export const OVERDRAFT_US = 20_000;
/** Loss above what is taken for random by this much is looked into. */
export const LOSS_MARGIN = 0.02;
/** A queue that was not seen empty for so long is drained for a moment, and to which share of the rate. */
export const DRAIN_EVERY_US = 3_000_000;
export const DRAIN_SHARE = 0.8;
/** It would empty a queue of this many times what stands: so it does when half of it is another's. */
export const DRAIN_DEPTH = 2;
/** One that changed nothing is repeated after this and two round trips before it is believed. */
export const AGAIN_US = 100_000;
/** It lasts no longer; deeper instead. A queue that should have shrunk by less than the second tells nothing. */
export const DRAIN_MIN_US = 30_000;
export const DRAIN_MAX_US = 200_000;
export const DRAIN_TELLS_US = 3_000;
/** Pause between drains that ask for the cause of losses. */
export const RESPONSE_US = 250_000;
/** Such a queue above the least delay seen is another sender's; a shorter one is jitter, or another route, and becomes the base. */
export const COMPETE_RAISED_US = 40_000;
/** It must have been so for this many round trips: two of ours on a long link swing for a while. */
export const COMPETE_AFTER_PIPES = 10;
/** So many rounds in a row a queue above its target has not shrunk by a quarter of what it should have. */
export const STUBBORN_ROUNDS = 3;
/** And so many more on a link that changes by all of its rate every round. */
export const STUBBORN_CHANGE = 40;
/** Over when the delay falls to this above the least seen for so many rounds, or when a drain, every so often, shows that the queue is ours, and one soon after, too. */
export const COMPETE_END_US = 15_000;
export const COMPETE_END_ROUNDS = 6;
export const COMPETE_CHECK_US = 8_000_000;
/** Or when it keeps to within the first for the second and this many rounds: no queue does, another route does. */
export const STILL_US = 2_000;
export const STILL_FOR_US = 1_000_000;
export const STILL_ROUNDS = 8;
/** Such a drain is a pause. */
export const COMPETE_PAUSE_US = 100_000;
export const COMPETE_AGAIN_US = 2_000_000;
/** Growth a second meanwhile, as a share of what the path carried of ours in the last {@link PEAK_MEMORY_US}; what loss leaves. */
export const PEAK_MEMORY_US = 20_000_000;
export const COMPETE_UP = 0.06;
export const COMPETE_DOWN = 0.8;
/** What is known of a path is kept through a pause of this length, then it halves. */
export const IDLE_KEPT_US = 3_000_000;
export const IDLE_HALF_LIFE_US = 5_000_000;
/** A full window that is silent for its round trip and this long: what the path carries in the second may go, to find out. */
export const PROBE_MARGIN_US = 50_000;
export const PROBE_US = 10_000;
/** Where the buffer of a link is smaller than the queue we would like to keep, the target shrinks down to this. */
export const TARGET_LEAST_US = 1_500;
/** ...but not for what was lost while the queue was so many times as long: a buffer that holds that is not too small. */
export const OVERFLOW_TARGETS = 4;
/**
 * Least growth a round on a link that varies, as a multiple of the mean share by which less arrives than in the round
 * before: about 15 % on cellular links, 0 on constant ones.
 */
export const CHANGE_GAIN = 1.5;
/** From this growth on a round is taken for a search: a queue would show at once, so less of one is waited for. */
export const SEARCH_GAIN = 0.25;
/** Least growth a round: such that the queue of a round's mistake is no longer than this. */
export const SEARCH_QUEUE_US = 4_000;
/** Rounds of so many packets tell the loss of a path that has room. */
export const LEARN_PACKETS = 50;
/** An announced burst tells the rate of the link when it arrives so much faster than was paced, within this time. */
export const BURST_FASTER = 1.25;
export const BURST_TELLS_US = 100_000;
/** Announced traffic that begins after such a pause finds an idle link: its rate is not that of the time before. */
export const PAUSE_US = 20_000;
/** Neither sent nor made to wait for so long: what arrives after it tells what was sent, not what the link carries. */
export const UNLOADED_US = 40_000;
/** Time in which a queue that is too long or too short is corrected, if the round trip is not longer. */
export const CONTROL_US = 50_000;
/** Target of the standing queue: at 200 Mbit/s (25 bytes per microsecond), more for each halving; least and most. */
export const TARGET_BASE_US = 4_000;
export const TARGET_REFERENCE = 25;
export const TARGET_SLOPE_US = 1_000;
export const TARGET_MIN_US = 3_000;
export const TARGET_MAX_US = 15_000;
export const TARGET_CHANGE = 4;
/**
 * A link that brings nothing for so long more than what is sent on it was apart, for so many times its jitter and so many
 * packets' time, pauses, as radio does: its rate is that of what comes afterwards.
 */
export const STALL_US = 20_000;
export const STALL_DEVIATIONS = 4;
export const STALL_PACKETS = 3;
/**
 * What a path carried while a queue stood is its limit for the first after that, then the most of one to two of the second; not
 * any more when so many times as much arrives without a queue.
 */
export const LIMIT_KEPT_US = 500_000;
export const LIMIT_WINDOW_US = 10_000_000;
export const LIMIT_GROWTH = 1.1;
