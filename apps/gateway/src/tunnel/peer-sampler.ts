import type { PeerStatus } from '@corridor/tunnel';
import type { TunnelHost } from '@corridor/tunnel-host';

export type SampledHost = Pick<TunnelHost, 'peers'>;

/** Each peer is read this often. */
const ROUND_MS = 1000;
/** Peers in one question: while it is answered, about 1 ms, the worker moves no packet. */
const PEERS_AT_ONCE = 64;
/** The status of a peer of whom nothing is to be told is passed on this often all the same. */
const IDLE_ROUNDS = 10;

export interface Sample {
  readonly peer: PeerStatus;
  /** Of the engine's clock. */
  readonly atUs: number;
}

/** Reads the status of every peer once a second, a few at a time, spread over the second. */
export class PeerSampler {
  readonly #host: () => SampledHost | undefined;
  readonly #onSample: (sample: Sample) => void;
  /** Rounds since a peer was passed on, and whether it had a session then. */
  readonly #last = new Map<string, { session: string; rounds: number }>();
  #timer: NodeJS.Timeout | undefined;
  #chunks = 1;
  #from = 0;

  constructor(host: () => SampledHost | undefined, onSample: (sample: Sample) => void) {
    this.#host = host;
    this.#onSample = onSample;
  }

  start(): void {
    this.#plan();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      void this.#ask().finally(() => {
        if (this.#timer) this.#plan();
      });
    }, ROUND_MS / this.#chunks);
  }

  async #ask(): Promise<void> {
    const from = this.#from;
    // A host that is just ending answers with an error: the next one is asked.
    const answer = await this.#host()
      ?.peers(from, PEERS_AT_ONCE)
      .catch(() => undefined);
    const peers = answer?.peers ?? [];
    if (peers.length === PEERS_AT_ONCE) this.#from = from + PEERS_AT_ONCE;
    else {
      this.#chunks = Math.max(1, Math.ceil((from + peers.length) / PEERS_AT_ONCE));
      this.#from = 0;
    }
    if (answer) for (const peer of peers) this.#sample(peer, answer.atUs);
  }

  /** A peer with a session is told of each second; one without only when it lost it, and now and then. */
  #sample(peer: PeerStatus, atUs: number): void {
    const last = this.#last.get(peer.name);
    const quiet = peer.session !== 'established' && last?.session === peer.session && last.rounds < IDLE_ROUNDS;
    if (quiet) {
      last.rounds++;
      return;
    }
    this.#last.set(peer.name, { session: peer.session, rounds: 0 });
    this.#onSample({ peer, atUs });
  }

  /** Forgets a peer that is no more. */
  forget(name: string): void {
    this.#last.delete(name);
  }
}
