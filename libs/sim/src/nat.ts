/**
 * A NAT in front of one uplink: mappings from an inside endpoint to a public port, kept alive by outbound packets only
 * (RFC 4787 section 4.3), and rebinding, where the carrier forgets them while the vehicle goes on unaware.
 */
export class NatModel {
  private readonly mappings = new Map<number, { port: number; usedAtUs: number }>();
  private readonly insideOf = new Map<number, number>();
  private nextPort: number;

  /**
   * @param lifetimeUs a mapping without outbound packets for longer is forgotten; Infinity for never.
   * @param firstPort public port of the first mapping; later ones count up from it, 1,024 to 65,535.
   */
  constructor(
    private readonly lifetimeUs: number,
    firstPort = 20_000,
  ) {
    this.nextPort = firstPort;
  }

  /** Public port for a packet from `inside` (any number that stands for address and port), made when there is none. */
  outbound(nowUs: number, inside: number): number {
    let mapping = this.mappings.get(inside);
    if (mapping === undefined || this.isExpired(mapping.usedAtUs, nowUs)) {
      if (mapping !== undefined) this.insideOf.delete(mapping.port);
      mapping = { port: this.takePort(), usedAtUs: nowUs };
      this.mappings.set(inside, mapping);
      this.insideOf.set(mapping.port, inside);
    }
    mapping.usedAtUs = nowUs;
    return mapping.port;
  }

  /** Inside endpoint that a packet to a public port belongs to, or -1: dropped. Does not keep the mapping alive. */
  inbound(nowUs: number, port: number): number {
    const inside = this.insideOf.get(port);
    if (inside === undefined) return -1;
    const mapping = this.mappings.get(inside);
    return mapping === undefined || this.isExpired(mapping.usedAtUs, nowUs) ? -1 : inside;
  }

  /** Forgets every mapping: the next outbound packets get new ports, packets for the old ones are dropped. */
  rebind(): void {
    this.mappings.clear();
    this.insideOf.clear();
  }

  private isExpired(usedAtUs: number, nowUs: number): boolean {
    return nowUs - usedAtUs > this.lifetimeUs;
  }

  private takePort(): number {
    let port: number;
    do {
      port = this.nextPort;
      this.nextPort = port >= 65_535 ? 1_024 : port + 1;
    } while (this.insideOf.has(port));
    return port;
  }
}
