import type { PathState, PlanMode } from '@corridor/strategy';

/** State of one peer for `corridor-tunnel status --json`, consoles and tests. Plain data. */
export interface PeerStatus {
  readonly name: string;
  /** Base64. */
  readonly publicKey: string;
  readonly session: 'none' | 'handshaking' | 'established';
  /** Since when the session stands, microseconds of the engine's clock; 0 without one. */
  readonly establishedAtUs: number;
  /** When an authentic datagram last arrived, microseconds of the engine's clock; 0 before the first. */
  readonly heardAtUs: number;
  readonly cipher: 'chacha20-poly1305' | 'aes-256-gcm' | null;
  readonly policyVersion: number;
  readonly paths: readonly PathStatus[];
  readonly classes: readonly ClassStatus[];
  readonly counters: PeerCounters;
  /** How the order of its flows was restored here; missing while none of them asks for it. */
  readonly order?: OrderStatus;
}

/** Restoring order at this end, since the peer is known. */
export interface OrderStatus {
  /** Flows that are remembered, and packets that wait now for those before them. */
  readonly flows: number;
  readonly waiting: number;
  /** Missing packets that came while they were waited for; holes given up; missing packets that came after that. */
  readonly filled: number;
  readonly givenUp: number;
  readonly late: number;
  /** Longest wait of a packet, microseconds. */
  readonly longestWaitUs: number;
}

export interface DirectionStatus {
  readonly delayVariationUs: number;
  readonly jitterUs: number;
  readonly lossRatio: number;
  readonly rateBps: number;
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
}

export interface PathStatus {
  readonly id: number;
  readonly name: string;
  /** What carries its datagrams: UDP, or WebSocket over TLS where UDP gets nowhere. */
  readonly kind: 'udp' | 'tls';
  readonly state: PathState;
  /** Why it is in that state. */
  readonly reason: string;
  readonly sinceUs: number;
  readonly blocked: boolean;
  /** "address:port" of the other end. */
  readonly remote: string;
  readonly rttUs: number;
  readonly minRttUs: number;
  readonly rttVarUs: number;
  /** Largest datagram that is known to get through, bytes of UDP payload; 0 while not known. */
  readonly maxDatagramBytes: number;
  /** Largest inner packet that fits it, bytes; the tunnel's own MTU while not known. */
  readonly mtu: number;
  readonly priority: number;
  readonly metered: boolean;
  /** The modem is in a foreign network; the data volume that the operator allows is used up. */
  readonly roaming: boolean;
  readonly capReached: boolean;
  /** Radio quality, 0 to 1, where the host knows it: at the vehicle only. */
  readonly signal?: number;
  /** Towards the peer, as the peer acknowledged it. */
  readonly send: DirectionStatus;
  /** From the peer, as seen here. */
  readonly receive: DirectionStatus;
}

export interface ClassStatus {
  readonly name: string;
  readonly strategy: string;
  readonly mode: PlanMode;
  /** Names of the paths in use, best first: the active path is the first. */
  readonly paths: readonly string[];
  readonly reason: string;
  readonly sinceUs: number;
}

export interface PeerCounters {
  /** Inner packets given to the engine for this peer / handed to the TUN. */
  readonly packetsSent: number;
  readonly packetsDelivered: number;
  readonly bytesSent: number;
  readonly bytesDelivered: number;
  /** Extra datagrams: copies by plan, replays on suspicion. */
  readonly copiesSent: number;
  readonly replaysSent: number;
  readonly duplicatesDropped: number;
  readonly replayedDatagramsDropped: number;
  readonly notAuthentic: number;
  readonly wrongInnerSource: number;
  readonly tooBig: number;
  readonly noPath: number;
  readonly heldGivenUp: number;
  readonly rekeys: number;
  readonly handshakes: number;
  /** Authentic datagrams whose content made no sense. */
  readonly malformed: number;
  /** Packets that this end dropped before they were sent: to keep a queue short, as too old, as too many. */
  readonly queueDrops: number;
  readonly queueExpired: number;
  readonly queueOverflows: number;
  /** Datagrams taken for lost, and packets sent again. */
  readonly losses: number;
  readonly retransmissions: number;
  /** Repair packets sent, and lost packets of the peer that its repair packets restored here. */
  readonly repairsSent: number;
  readonly packetsRepaired: number;
  /** Small packets sent that shared a datagram with others, and the datagrams that this has saved. */
  readonly packetsBundled: number;
  readonly datagramsSaved: number;
}
