/**
 * The operator's NAT: one public address, one public port per inside address and port whatever the destination
 * (endpoint-independent mapping, RFC 4787 section 4.1), filtered by nothing but the mapping.
 *
 * Rewrites packets in place, with their checksums. Mappings die when nothing went out for their lifetime, and all at
 * once by {@link Nat.rebind}; from then on the inside is seen under another port and what arrives for the old one is
 * dropped, in silence, as carriers do.
 */
import * as ip from './ip.js';

/** Public ports are given out from here, upwards and around. */
const FIRST_PORT = 20_000;
const LAST_PORT = 59_999;

/** Indices of {@link Nat.counters}. */
export const NAT_MAPPINGS_MADE = 0;
/** From inside, but nothing that a NAT can translate (later fragments, unknown protocols). */
export const NAT_UNTRANSLATABLE = 1;
/** From outside, for a port without a mapping. */
export const NAT_NO_MAPPING = 2;

interface Mapping {
  readonly key: string;
  readonly insideAddress: Uint8Array;
  readonly insidePort: number;
  readonly publicPort: number;
  lastOutboundUs: number;
}

export class Nat {
  readonly counters = new Float64Array(3);
  private readonly byInside = new Map<string, Mapping>();
  private readonly byPort = new Map<number, Mapping>();
  private nextPort = FIRST_PORT;
  /** The mapping used last: a vehicle has one or two, so that the maps are hardly ever asked. */
  private last: Mapping | undefined;
  private lastProtocol = 0;

  /**
   * @param version IP version that it translates; other packets are untranslatable.
   * @param publicAddress 4 or 16 bytes.
   * @param lifetimeUs how long a mapping lives without outbound packets; Infinity for ever.
   */
  constructor(
    readonly version: 4 | 6,
    private readonly publicAddress: Uint8Array,
    private readonly lifetimeUs: number = Number.POSITIVE_INFINITY,
  ) {}

  /** Forgets every mapping. */
  rebind(): void {
    this.byInside.clear();
    this.byPort.clear();
    this.last = undefined;
  }

  /** Rewrites the source of an outbound packet. False: drop it. */
  outbound(slab: Uint8Array, at: number, length: number, nowUs: number): boolean {
    const payload = this.translatable(slab, at, length);
    if (payload < 0) return this.refuse(NAT_UNTRANSLATABLE);
    const protocol = ip.protocolOf(slab, at, this.version);
    const port = this.portOffset(payload, protocol, true);
    const mapping = this.mappingFor(slab, at, protocol, ip.readU16(slab, port), nowUs);
    mapping.lastOutboundUs = nowUs;
    const address = ip.sourceOffset(at, this.version);
    this.rewrite(slab, at, payload, protocol, address, this.publicAddress, port, mapping.publicPort);
    return true;
  }

  /** Rewrites the destination of an inbound packet. False: drop it. */
  inbound(slab: Uint8Array, at: number, length: number, nowUs: number): boolean {
    const payload = this.translatable(slab, at, length);
    if (payload < 0) return this.refuse(NAT_UNTRANSLATABLE);
    const protocol = ip.protocolOf(slab, at, this.version);
    const port = this.portOffset(payload, protocol, false);
    const mapping = this.byPort.get(portKey(protocol, ip.readU16(slab, port)));
    if (mapping === undefined || nowUs - mapping.lastOutboundUs > this.lifetimeUs) return this.refuse(NAT_NO_MAPPING);
    const address = ip.targetOffset(at, this.version);
    this.rewrite(slab, at, payload, protocol, address, mapping.insideAddress, port, mapping.insidePort);
    return true;
  }

  /** Offset of the upper layer, or -1. */
  private translatable(slab: Uint8Array, at: number, length: number): number {
    if (ip.ipVersion(slab, at, length) !== this.version) return -1;
    if (this.version === 4 && ip.isLaterFragment(slab, at)) return -1;
    const payload = ip.payloadOffset(slab, at, this.version);
    const protocol = ip.protocolOf(slab, at, this.version);
    const room = at + length - payload;
    if (protocol === ip.PROTOCOL_UDP) return room >= 8 ? payload : -1;
    if (protocol === ip.PROTOCOL_TCP) return room >= 20 ? payload : -1;
    return this.isEcho(slab, payload, protocol) && room >= 8 ? payload : -1;
  }

  private isEcho(slab: Uint8Array, payload: number, protocol: number): boolean {
    if (protocol === ip.PROTOCOL_ICMP) return slab[payload] === 8 || slab[payload] === 0;
    return protocol === ip.PROTOCOL_ICMPV6 && (slab[payload] === 128 || slab[payload] === 129);
  }

  /** The port to translate, or the identifier of an echo (RFC 5508 section 3.1). */
  private portOffset(payload: number, protocol: number, outbound: boolean): number {
    if (protocol === ip.PROTOCOL_UDP || protocol === ip.PROTOCOL_TCP) return outbound ? payload : payload + 2;
    return payload + 4;
  }

  private mappingFor(slab: Uint8Array, at: number, protocol: number, insidePort: number, nowUs: number): Mapping {
    const { last } = this;
    const source = ip.sourceOffset(at, this.version);
    const size = ip.addressBytes(this.version);
    if (
      last !== undefined &&
      this.lastProtocol === protocol &&
      last.insidePort === insidePort &&
      nowUs - last.lastOutboundUs <= this.lifetimeUs &&
      ip.sameBytes(slab, source, last.insideAddress, size)
    ) {
      return last;
    }
    const insideAddress = slab.slice(source, source + size);
    const key = `${protocol} ${insideAddress.join('.')} ${insidePort}`;
    let mapping = this.byInside.get(key);
    if (mapping === undefined || nowUs - mapping.lastOutboundUs > this.lifetimeUs) {
      if (mapping !== undefined) this.byPort.delete(portKey(protocol, mapping.publicPort));
      mapping = { key, insideAddress, insidePort, publicPort: this.freePort(protocol), lastOutboundUs: nowUs };
      this.byInside.set(key, mapping);
      this.byPort.set(portKey(protocol, mapping.publicPort), mapping);
      this.counters[NAT_MAPPINGS_MADE]++;
    }
    this.last = mapping;
    this.lastProtocol = protocol;
    return mapping;
  }

  private freePort(protocol: number): number {
    for (let tries = FIRST_PORT; tries <= LAST_PORT; tries++) {
      const port = this.nextPort;
      this.nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
      if (!this.byPort.has(portKey(protocol, port))) return port;
    }
    // All ports taken: the oldest mapping goes, as carriers do it.
    const [oldest] = this.byInside.values();
    this.byInside.delete(oldest.key);
    this.byPort.delete(portKey(protocol, oldest.publicPort));
    return oldest.publicPort;
  }

  private rewrite(
    slab: Uint8Array,
    at: number,
    payload: number,
    protocol: number,
    addressAt: number,
    address: Uint8Array,
    portAt: number,
    port: number,
  ): void {
    const size = ip.addressBytes(this.version);
    const addressBefore = ip.sumWords(slab, addressAt, size);
    const addressAfter = ip.sumWords(address, 0, size);
    const portBefore = ip.readU16(slab, portAt);
    for (let i = 0; i < size; i++) slab[addressAt + i] = address[i];
    ip.writeU16(slab, portAt, port);

    if (this.version === 4) ip.adjustChecksum(slab, at + 10, addressBefore, addressAfter);
    const checksum = ip.transportChecksumOffset(slab, payload, protocol);
    if (checksum < 0) return;
    const both = ip.coversAddresses(protocol);
    const before = portBefore + (both ? addressBefore : 0);
    ip.adjustChecksum(slab, checksum, before, port + (both ? addressAfter : 0));
    // UDP says "no checksum" with 0, so that a sum of 0 is sent as all ones (RFC 768).
    if (protocol === ip.PROTOCOL_UDP && ip.readU16(slab, checksum) === 0) ip.writeU16(slab, checksum, 0xffff);
  }

  private refuse(counter: number): false {
    this.counters[counter]++;
    return false;
  }
}

function portKey(protocol: number, port: number): number {
  return protocol * 0x10000 + port;
}
