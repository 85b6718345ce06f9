/** Figures of three uplinks that drift as those of a moving vehicle do: a random walk from a seed, so each run is the same. */
const LINKS = [
  { name: 'wwan0', rttUs: 42_000, rateBps: 18e6 },
  { name: 'wwan1', rttUs: 55_000, rateBps: 9e6 },
  { name: 'sat0', rttUs: 610_000, rateBps: 4e6 },
];
const PACKET_BYTES = 900;

export class Walk {
  #state;
  #seconds = 0;
  #links = LINKS.map((link) => ({ ...link, packets: 0, lost: 0 }));
  #latitude;
  #longitude;

  constructor(seed) {
    this.#state = (seed * 2654435761 + 1) >>> 0 || 1;
    this.#latitude = 48.05 + 0.2 * this.#random();
    this.#longitude = 11.4 + 0.3 * this.#random();
  }

  /** The next second's frame, with the moment at which it was made: readers keep fields that they do not know. */
  next(sentMs, policyVersion) {
    this.#seconds += 1;
    this.#latitude += 2e-4 * (this.#random() - 0.5);
    this.#longitude += 2e-4 * (this.#random() - 0.5);
    const paths = this.#links.map((link, index) => this.#path(link, index === 0 ? sentMs : undefined));
    const packets = this.#links.reduce((sum, link) => sum + link.packets, 0);
    return {
      kind: 'metric-frame',
      v: 1,
      tunnel: {
        session: 'established',
        establishedSeconds: this.#seconds,
        packetsSent: packets,
        packetsDelivered: packets,
        bytesSent: packets * PACKET_BYTES,
        bytesDelivered: packets * PACKET_BYTES,
        copiesSent: Math.round(packets / 50),
        replaysSent: Math.round(packets / 9000),
        policyVersion,
      },
      paths,
      classes: [
        { name: 'default', strategy: 'active-standby', paths: ['wwan0', 'wwan1', 'sat0'] },
        { name: 'vitals', strategy: 'redundant', paths: ['wwan0', 'wwan1'] },
      ],
      position: {
        latitude: this.#latitude,
        longitude: this.#longitude,
        speedMps: Math.round(140 * this.#random()) / 10,
        headingDeg: Math.round(360 * this.#random()),
      },
      process: { rssBytes: 70_000_000 + Math.round(5e6 * this.#random()), cpuRatio: 0.03 },
    };
  }

  #path(link, sentMs) {
    link.rttUs = Math.max(15_000, Math.round(link.rttUs * (0.97 + 0.06 * this.#random())));
    link.rateBps = Math.max(2e5, Math.round(link.rateBps * (0.95 + 0.1 * this.#random())));
    link.packets += Math.round(link.rateBps / 8 / PACKET_BYTES / 20);
    link.lost += this.#random() < 0.3 ? 1 : 0;
    const direction = {
      delayVariationUs: Math.round(8_000 * this.#random()),
      jitterUs: Math.round(3_000 * this.#random()),
      lossRatio: Math.round(100 * this.#random()) / 1e4,
      rateBps: link.rateBps,
      packets: link.packets,
      bytes: link.packets * PACKET_BYTES,
      lost: link.lost,
    };
    return {
      name: link.name,
      state: 'up',
      reason: 'probes are answered',
      rttUs: link.rttUs,
      minRttUs: Math.round(link.rttUs * 0.8),
      blocked: false,
      metered: link.name !== 'sat0',
      send: direction,
      receive: direction,
      ...(sentMs === undefined ? {} : { sentMs }),
    };
  }

  /** xorshift32, 0 to 1. */
  #random() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }
}
