/** How many repair packets are worth their bytes. */

/** Less loss than this is left to retransmission. */
const LEAST_LOSS = 0.002;
/** The least and the most that is recommended; beyond the latter a copy does the same sooner. */
const LEAST = 0.05;
const MOST = 1;

export function repairRatio(lossRatio: number, burstPackets: number, windowPackets: number): number {
  if (!(lossRatio >= LEAST_LOSS)) return 0;
  return Math.min(MOST, Math.max(LEAST, 2 * lossRatio + burstPackets / windowPackets));
}
