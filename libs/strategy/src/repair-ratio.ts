/** How many repair packets a flow needs against what its paths lose. */

/** Below this, retransmission of the few lost packets costs less than it would to have repairs ready for them. */
const LEAST_LOSS = 0.002;
/** Standard deviations of the number of losses in a window that the repairs shall outnumber. */
const DEVIATIONS = 4.5;
/** Longer bursts than this share of the window come too late out of a code at any sensible ratio. */
const LONGEST_BURST = 1 / 4;
/** One repair for each packet: what is more is better spent on copies. */
const MOST = 1;

/**
 * Repair bytes per byte, 0 (none) to 1, that a sliding-window code needs.
 *
 * Of W packets, p W are lost on average. Losses that come in bursts of m on average (geometric lengths, as in the
 * Gilbert-Elliott model) have the variance p W (2 m - 1). The repairs of a window shall outnumber its losses, but for
 * rare exceptions: r W = p W + 4.5 sqrt(p W (2 m - 1)). docs/decisions/0017 shows what this restores, and how soon.
 *
 * Where a lost packet lies in a burst of more than W / 4 packets on average (2 m - 1), the answer is 0: the repairs of
 * such a burst take longer to come than its retransmission.
 *
 * @param lossRatio p, 0 to 1
 * @param burstPackets m, mean length of a run of lost packets, at least 1
 * @param windowPackets W, packets of the flow within the time in which a repair is of use, 1 to 64
 */
export function repairRatio(lossRatio: number, burstPackets: number, windowPackets: number): number {
  const burst = 2 * Math.max(1, burstPackets) - 1;
  if (!(lossRatio >= LEAST_LOSS) || burst > Math.max(1, windowPackets * LONGEST_BURST)) return 0;
  return Math.min(MOST, lossRatio + DEVIATIONS * Math.sqrt((lossRatio * burst) / windowPackets));
}
