/**
 * Every number that tunes the engine, with its unit and reason. What both ends must agree on stands in
 * `@corridor/wire`; these may differ between versions and ends.
 */

// --- batches and memory -------------------------------------------------------------------------------------------

/** Entries of the largest batch that a host may hand in. */
export const MAX_BATCH = 4096;
/** Send slots by default: 16 MB, or 30 ms of 3 Gbit/s, or 3 s of 20 Mbit/s in small packets. */
export const DEFAULT_SEND_SLOTS = 8192;
/** Paths that one peer may have at a time: bounds what a vehicle can make the gateway remember. */
export const MAX_PATHS = 16;
/** Packets that a path's log remembers at most: 0.25 s at 3 Gbit/s. */
export const MAX_SENT_LOG = 32768;
/** Inner packets of at most this size share datagrams. Of larger ones two fill a datagram, and runs of equal size are cheaper. */
export const SMALL_PACKET_BYTES = 400;
/** Packets beside the first that the bundles in one path's log hold at most; what comes then goes in datagrams of its own. */
export const MAX_BUNDLED_SLOTS = 65536;
/** Payload of a control datagram: fits the smallest IPv6 path MTU (1280 - 48 - 40) with some air for encapsulation. */
export const CONTROL_PAYLOAD_BYTES = 1150;

// --- holding and replaying ----------------------------------------------------------------------------------------

/** A packet older than this is no longer worth sending again: an application has given it up or repeated it. */
export const REPLAY_HORIZON_US = 3_000_000;
/** Held packets older than this, which is more than any deadline, are released this often, whatever became of them. */
export const HELD_AT_MOST_US = 4_000_000;
export const SWEEP_INTERVAL_US = 500_000;

/** Pause between the replays of two paths' tails: one after the other, not each with all that the last one replayed. */
export const REPLAY_PAUSE_US = 25_000;

/** Packets that depend on a path in doubt are looked at this often: those that are late by now go over another one. */
export const RETRY_HELD_US = 100_000;

/**
 * What is on its way on a path goes over another, too, when a queue of the first stands on the path and it takes longer to arrive
 * by the second and by so many times what the other path takes for all of it. Looked at so often.
 */
export const STUCK_QUEUE_US = 20_000;
export const STUCK_LEAST_US = 100_000;
export const STUCK_FACTOR = 2;
export const STUCK_CHECK_US = 10_000;

/**
 * A packet under way for the first of its deadline and so many times as long as its path takes to answer at its best goes over
 * another path, too. Looked at so often.
 */
export const OVERDUE_SHARE = 1 / 2;
export const OVERDUE_FACTOR = 2;
export const OVERDUE_CHECK_US = 25_000;

/** At most so many bytes of a silent path's tail go over another one at once, whatever that one was known to carry. */
export const REPLAY_AT_ONCE_BYTES = 96_000;

// --- scheduling ---------------------------------------------------------------------------------------------------

/** While a path is in doubt its traffic stays on it, too, if the next best is slower by this much, microseconds. */
export const DOUBT_SLOWER_US = 25_000;
/** Of two paths whose packets arrive within this, the one that the plan prefers is taken. */
export const SPILL_TIE_US = 2_000;
/** Paths whose packets arrive within this are alike: flows that are put back in order are striped over them. */
export const SIMILAR_US = 5_000;
/** A class whose queue has stood for the first uses slower paths also for packets that arrive up to the second later there. */
export const SPILL_STANDING_US = 100_000;
export const SPILL_IMPATIENCE_US = 100_000;
/**
 * A stream whose order is restored that takes this share of what the faster paths carry would take more: BBR learns of a path
 * only by what arrives over it, and one that fits on the fastest path would stay there for ever. The next slower one gets at
 * least a packet in the second time.
 */
export const SPILL_FILLED = 0.8;
export const SPILL_KEPT_US = 5_000;
/** While the faster paths are enough, the time for which they were not is forgotten so many times as fast. */
export const SPILL_FORGETS = 4;
/** A path with this share of the faster ones' rate adds too little for that, one with twice as much all that it needs. */
export const SPILL_ADDS_LITTLE = 0.1;
/** Classes whose packets live no longer are real-time ones: their deadline keeps the queue short, CoDel would lose more. */
export const REAL_TIME_US = 1_000_000;
/** CoDel minds nothing for so long after a class's traffic has moved to another path. */
export const CHANGE_PARDON_US = 500_000;
export const PARDON_AGAIN_US = 4_000_000;
/** Likewise after an interruption of the session: as long as it may take to send what was held meanwhile. */
export const RESUME_PARDON_US = 3_000_000;
/**
 * CoDel's target for classes that are not real-time ones: flows that fill several radio links at once need a queue to draw
 * on when one of them fades, and queues of their own keep them from others.
 */
export const BULK_TARGET_US = 25_000;
/**
 * And so much more for each per cent by which the paths' rate falls from one round trip to the next, see `PathCongestion.change`:
 * 5 to 8 on cellular links in motion, none on constant ones. A window that is cut too early leaves the next rise unused.
 */
export const VARYING_TARGET_US = 12_500;
/** CoDel's least target for flows that are not TCP: most of them cannot slow down, and would only lose packets. */
export const PATIENT_TARGET_US = 300_000;
/** CoDel's target while the capacity of a path is being found, and at most. */
export const DISCOVERY_TARGET_US = 100_000;
/** Extra bytes for copies and repair that a class may save up: half a second of 5 Mbit/s at ten per cent. */
export const MAX_BUDGET_BYTES = 32_000;
/** What detecting a loss and sending again takes beyond the round trip: acknowledgement delay and scheduling. */
export const RETRANSMIT_MARGIN_US = 15_000;

/**
 * A packet that has waited for this share of its deadline takes any path that is up; from the second on also one that its
 * class avoids. The rest is for the way, and for sending it again.
 */
export const LATE_SHARE = 1 / 3;
export const LATE_AVOIDED_SHARE = 1 / 2;
/** After an interruption of the session nothing counts as late for so long: all of it goes as the plan says. */
export const RESUME_LATE_US = 1_000_000;
/** While packets wait, it is looked at this often whether they have become late. */
export const LATE_CHECK_US = 25_000;

// --- acknowledgement ----------------------------------------------------------------------------------------------

/** Acknowledgements of one peer are at least this far apart; the first after a pause leaves at once. */
export const ACK_INTERVAL_US = 5_000;
/** So many unacknowledged arrivals on one path are acknowledged without waiting: bounds the slots a sender holds. */
export const ACK_EVERY_PACKETS = 256;
/** After a sign that acknowledgements get lost (replayed packets arrive), they travel over two paths for so long. */
export const ACK_TWICE_US = 1_000_000;
/** An end that sends only acknowledgements has them answered this often, so that it notices when they vanish. */
export const ACK_PROBE_INTERVAL_US = 50_000;

/**
 * What came over a path is acknowledged over that path too this often, besides the best one: measures its own round
 * trip, which strategies compare.
 */
export const ECHO_INTERVAL_US = 500_000;

// --- loss and suspicion -------------------------------------------------------------------------------------------

/** Round trip assumed until one was measured (RFC 9002 section 6.2.2 says 333 ms; a radio path answers sooner). */
export const INITIAL_RTT_US = 150_000;
/** Least margin of the suspicion timer above the smoothed round trip: scheduling of both ends and one radio slot. */
export const SUSPECT_MARGIN_US = 8_000;
/**
 * A path that answered this recently, and twice its jitter more, is not silent, however late its oldest answer is: a queue
 * that grows makes answers late, but they keep coming. Two acknowledgement intervals and some scheduling.
 */
export const SUSPECT_QUIET_US = 12_000;
/**
 * A deadline served later than the first means that this process stood still. Acknowledgements then wait in the sockets:
 * for as long as it stood, at most the second, no path is suspected.
 */
export const STALL_US = 3_000;
export const STALL_GRACE_MAX_US = 50_000;
/** What a false alarm adds to a path's patience at most; the addition halves every {@link WARY_HALF_LIFE_US}. */
export const WARY_MAX_US = 150_000;
export const WARY_HALF_LIFE_US = 5_000_000;
/** Share of the round trip after which an overtaken packet counts as lost (RFC 9002 section 6.1.2: 9/8). */
export const LOSS_TIME_FACTOR = 9 / 8;
/** Floor of that time. */
export const LOSS_TIME_MIN_US = 2_000;
/** Pause between the probes that tell the loss of a tail from the silence of its path. */
export const TAIL_PROBE_US = 5_000;
/**
 * The same while idle, half a round trip at least: nothing waits for the answer, and a path that loses many packets would be
 * probed all the time, as every probe may be a lost tail itself.
 */
export const TAIL_PROBE_IDLE_US = 50_000;
/** Of what a path whose capacity is known may be sent at once by a failover: so much time of it. */
export const REPLAY_AT_ONCE_US = 20_000;
/** A packet is lost when one numbered so much higher has arrived (RFC 9002 section 6.1.1), unless the path reorders. */
export const LOSS_PACKETS = 3;
/**
 * What a path that reorders gets on top of the loss time: at first this, doubled with every packet that was taken for
 * lost and came after all, at most a round trip; halved every {@link REORDER_HALF_LIFE_US} (RFC 8985 section 6.2).
 */
export const REORDER_MIN_US = 4_000;
export const REORDER_HALF_LIFE_US = 10_000_000;
/** A suspected path that stays silent this long, or 3 PTO if that is more, is down: longer than a radio handover. */
export const DOWN_AFTER_US = 300_000;
export const DOWN_AFTER_PTOS = 3;
/** Upper limit of that time, so that a path with an absurd round trip is not kept in suspense. */
export const DOWN_AFTER_MAX_US = 2_000_000;
/** A suspicion that lasted this long counts as a flap: radio handovers of 30 to 150 ms shall not. */
export const FLAP_MIN_US = 150_000;
/** Flaps within {@link FLAP_WINDOW_US} after which a path has to prove itself again. */
export const FLAP_LIMIT = 6;
export const FLAP_WINDOW_US = 10_000_000;
/** Proof of a path that was down: so many answered probes, spread over at least so long, none missing. */
export const PROOF_PROBES = 4;
export const PROOF_SPAN_US = 300_000;

// --- receiver's silence report ------------------------------------------------------------------------------------

/** A path is expected to keep bringing packets when so many came within the last {@link RATE_WINDOW_US}. */
export const SILENCE_MIN_PACKETS = 40;
/** Silence is reported after this many mean gaps plus four jitters, but not before {@link SILENCE_MIN_US}. */
export const SILENCE_GAPS = 6;
export const SILENCE_MIN_US = 12_000;

// --- probing ------------------------------------------------------------------------------------------------------

/** Traffic within this time makes a session active. */
export const ACTIVE_US = 5_000_000;
/** Pause after which a path without other datagrams that ask for an answer is probed, while the session is active. */
export const PROBE_ACTIVE_US = 1_000_000;
/** The same while idle: keeps NAT mappings (30 s and more for UDP, RFC 4787 REQ-5) and notices a dead path. */
export const PROBE_IDLE_US = 12_000_000;
/** The vehicle's best path while idle, unless metered: a gateway that was restarted is noticed within 3 s. */
export const PROBE_IDLE_BEST_US = 1_500_000;
/** The same while idle on a metered path. */
export const PROBE_IDLE_METERED_US = 25_000_000;
/** Step between probes of a suspected path. */
export const PROBE_SUSPECT_US = 20_000;
/** Steps between probes of a path that is down, growing by half from first to last while the session is active. */
export const PROBE_DOWN_FIRST_US = 100_000;
export const PROBE_DOWN_LAST_US = 250_000;
/** The same while idle: a path that is gone for hours costs little. */
export const PROBE_DOWN_IDLE_US = 5_000_000;
export const PROBE_DOWN_IDLE_METERED_US = 15_000_000;
/** Step between the probes of a path that proves itself. */
export const PROBE_GATED_US = 90_000;

// --- estimates ----------------------------------------------------------------------------------------------------

/** Loss and rate are those of the last eight buckets of this length, two seconds. */
export const RATE_BUCKET_US = 250_000;
export const RATE_BUCKETS = 8;
export const RATE_WINDOW_US = RATE_BUCKET_US * RATE_BUCKETS;
/** The smallest delay is that of the last one to two of these: clocks drift 50 us/s apart, routes change. */
export const MIN_DELAY_WINDOW_US = 30_000_000;

// --- planning -----------------------------------------------------------------------------------------------------

/** Strategies are asked this often while the session is active, and at once when a path changes state. */
export const PLAN_INTERVAL_US = 200_000;
export const PLAN_INTERVAL_IDLE_US = 2_000_000;

// --- sessions -----------------------------------------------------------------------------------------------------

/** No authentic datagram for this long though some were due, and every path suspect or down: shake hands anew. */
export const SILENT_HANDSHAKE_US = 350_000;
/** Pause between initiations: from, to (drawn at random, so that a fleet does not march in step). */
export const HANDSHAKE_RETRY_US = [300_000, 500_000] as const;
/** The same once the first {@link HANDSHAKE_PATIENCE_US} brought nothing. */
export const HANDSHAKE_RETRY_LATER_US = [1_000_000, 1_500_000] as const;
export const HANDSHAKE_PATIENCE_US = 30_000_000;
/** Pause between repetitions of reliable control messages: round trip plus this, doubling up to the second. */
export const CONTROL_RETRY_US = 100_000;
export const CONTROL_RETRY_MAX_US = 2_000_000;

// --- path validation and MTU --------------------------------------------------------------------------------------

/** Bytes sent to an address that did not answer a challenge yet, per byte that came from it (RFC 9000 section 8). */
export const UNVALIDATED_FACTOR = 3;
/** Challenges are repeated after this, at most so many times. */
export const CHALLENGE_RETRY_US = 100_000;
export const CHALLENGE_TRIES = 10;

/** Taken for granted: UDP payload in the smallest IPv6 path MTU (1280 - 48). */
export const MTU_FLOOR = 1232;
/**
 * Datagram sizes at which paths often end, bytes of UDP payload: MTUs of 1500, 1492 (PPPoE), 1480, 1460, 1428, 1420,
 * 1400, 1380, 1358 (LTE), 1340, 1320, 1300, 1280, less 28 or 48 bytes of IPv4 or IPv6 and UDP.
 */
export const MTU_PROBE_SIZES = [1472, 1452, 1444, 1432, 1412, 1392, 1372, 1352, 1330, 1310, 1292, 1272, 1252] as const;
/** A lost probe of the full size is repeated until so many were lost: one alone may have hit ordinary loss. */
export const MTU_PROBE_TRIES = 3;
/** Least time for a probe to be answered; on slower paths the path's patience. */
export const MTU_PROBE_WAIT_US = 50_000;
/** The search ends when it knows the limit to so many bytes. */
export const MTU_STEP = 8;
/**
 * While the session is active a path below the full size is asked again for more: soon at first, as mere loss may have
 * made it small, then at doubled pauses up to the second (RFC 8899 section 5.1.1: PMTU_RAISE_TIMER).
 */
export const MTU_RAISE_FIRST_US = 10_000_000;
export const MTU_RAISE_US = 600_000_000;
/** So many large datagrams lost in a row while smaller ones arrive: the path has become a black hole for them. */
export const BLACK_HOLE_LOSSES = 5;
/** "Too big" messages to senders inside, per second. */
export const TOO_BIG_REPLIES_PER_SECOND = 100;
