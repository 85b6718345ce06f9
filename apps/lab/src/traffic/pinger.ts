/**
 * A ping of the lab's own: writes echo requests into a host through a TUN device and checks every answer byte by byte.
 * It needs no `ping` on the machine, and sends any size, with "do not fragment" set.
 */
import { TunDevice } from '@corridor/packet-io';
import { PacketBatch, SLOT_BYTES } from '@corridor/tunnel';
import * as addresses from '../addresses.js';
import * as ip from '../emulator/ip.js';
import type { Hosts } from '../hosts.js';

export interface PingResult {
  /** The same bytes came back. */
  readonly ok: boolean;
  readonly rttUs: number;
  /** A router on the way said that the packet is too big, and what would fit. */
  readonly tooBigFor?: number;
}

const DEVICE = 'ping';
/** Host part of the pinger's own address in the client's network. */
const HOST_PART = 200;
const IDENTIFIER = 0x1abc;

export class Pinger {
  private readonly slab = new Uint8Array(SLOT_BYTES * 2);
  private readonly out = new PacketBatch(1);
  private readonly into = new PacketBatch(1);
  private sequence = 0;
  /** Requests under way, by their sequence number. */
  private readonly waiting = new Map<number, (answer: Uint8Array) => void>();

  private constructor(
    private readonly device: TunDevice,
    private readonly own: addresses.AddressPair,
  ) {
    device.onReadable = () => this.read();
    device.start();
  }

  /** Puts a pinger behind the client of a vehicle. */
  static async create(hosts: Hosts, vehicle: number): Promise<Pinger> {
    const client = hosts.clients[vehicle];
    const device = TunDevice.open({ name: DEVICE, netns: client.path, offload: false });
    const own = addresses.clientAddress(vehicle, HOST_PART);
    const router = addresses.clientAddress(vehicle);
    await client.ip([
      `link set ${DEVICE} addrgenmode none`,
      `link set ${DEVICE} up`,
      `route add ${own.v4}/32 dev ${DEVICE}`,
      `route add ${own.v6}/128 dev ${DEVICE}`,
    ]);
    const back = [`route add ${own.v4}/32 via ${router.v4}`, `route add ${own.v6}/128 via ${router.v6}`];
    await hosts.vehicles[vehicle].ip(back);
    return new Pinger(device, own);
  }

  /** Sends one echo request of `bytes` (the whole IP packet) and waits for the answer. */
  async ping(target: string, bytes: number, timeoutMs = 1000): Promise<PingResult> {
    const version = target.includes(':') ? 6 : 4;
    const sequence = this.sequence++ & 0xffff;
    const request = this.request(version, target, bytes, sequence);
    const started = process.hrtime.bigint();
    const answer = await this.exchange(request, sequence, timeoutMs);
    const rttUs = Number((process.hrtime.bigint() - started) / 1000n);
    if (answer === undefined) return { ok: false, rttUs };
    const header = version === 4 ? 20 : 40;
    const tooBigFor = tooBig(answer, version);
    if (tooBigFor !== undefined) return { ok: false, rttUs, tooBigFor };
    // Type and checksum differ between request and answer, nothing else behind the header.
    const same =
      answer.length === bytes && Buffer.compare(request.subarray(header + 4), answer.subarray(header + 4)) === 0;
    return { ok: same && upperSumIsSound(answer, version), rttUs };
  }

  close(): void {
    this.device.close();
  }

  private exchange(request: Uint8Array, sequence: number, timeoutMs: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const finish = (answer: Uint8Array | undefined) => {
        clearTimeout(timer);
        this.waiting.delete(sequence);
        resolve(answer);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      this.waiting.set(sequence, finish);
      this.slab.set(request, SLOT_BYTES);
      this.out.offset[0] = SLOT_BYTES;
      this.out.length[0] = request.length;
      this.out.count = 1;
      this.device.write(this.slab, this.out);
    });
  }

  private read(): void {
    this.into.offset[0] = 0;
    while (this.device.read(this.slab, this.into, 1) > 0) {
      const answer = this.slab.slice(0, this.into.length[0]);
      this.waiting.get(answeredSequence(answer))?.(answer);
    }
  }

  private request(version: 4 | 6, target: string, bytes: number, sequence: number): Uint8Array {
    const header = version === 4 ? 20 : 40;
    if (bytes < header + 8) throw new RangeError(`an echo request has at least ${header + 8} bytes`);
    const packet = new Uint8Array(bytes);
    if (version === 4) packet.set([0x45, 0, bytes >> 8, bytes & 255, 0, 0, 0x40, 0, 64, ip.PROTOCOL_ICMP]);
    else packet.set([0x60, 0, 0, 0, (bytes - 40) >> 8, (bytes - 40) & 255, ip.PROTOCOL_ICMPV6, 64]);
    packet.set(ip.parseAddress(version === 4 ? this.own.v4 : this.own.v6), ip.sourceOffset(0, version));
    packet.set(ip.parseAddress(target), ip.targetOffset(0, version));
    if (version === 4) ip.writeU16(packet, 10, ~ip.fold(ip.sumWords(packet, 0, 20)) & 0xffff);
    packet[header] = version === 4 ? 8 : 128;
    ip.writeU16(packet, header + 4, IDENTIFIER);
    ip.writeU16(packet, header + 6, sequence);
    for (let i = header + 8; i < bytes; i++) packet[i] = (i * 31 + sequence) & 255;
    ip.writeU16(packet, header + 2, ~ip.fold(upperSum(packet, version)) & 0xffff);
    return packet;
  }
}

/** Sum of the ICMP message, for IPv6 with the pseudo header (RFC 8200 section 8.1). */
function upperSum(packet: Uint8Array, version: 4 | 6): number {
  if (version === 4) return ip.sumWords(packet, 20, packet.length - 20);
  const length = packet.length - 40;
  return ip.sumWords(packet, 8, 32) + length + ip.PROTOCOL_ICMPV6 + ip.sumWords(packet, 40, length);
}

function upperSumIsSound(packet: Uint8Array, version: 4 | 6): boolean {
  return ip.fold(upperSum(packet, version)) === 0xffff;
}

/** Sequence number of the request that a packet answers, or quotes in a "too big"; -1 when it does neither. */
function answeredSequence(packet: Uint8Array): number {
  const version = ip.ipVersion(packet, 0, packet.length);
  if (version === 0) return -1;
  const protocol = version === 4 ? ip.PROTOCOL_ICMP : ip.PROTOCOL_ICMPV6;
  if (ip.protocolOf(packet, 0, version) !== protocol) return -1;
  const at = ip.payloadOffset(packet, 0, version);
  const isReply = packet[at] === (version === 4 ? 0 : 129);
  const echo = isReply ? at : at + 8 + (version === 4 ? 20 : 40);
  if (!isReply && tooBig(packet, version) === undefined) return -1;
  return ip.readU16(packet, echo + 4) === IDENTIFIER ? ip.readU16(packet, echo + 6) : -1;
}

/** MTU in a "fragmentation needed" (RFC 1191) or "packet too big" (RFC 4443) message. */
function tooBig(packet: Uint8Array, version: 4 | 6): number | undefined {
  const at = ip.payloadOffset(packet, 0, version);
  if (version === 4) return packet[at] === 3 && packet[at + 1] === 4 ? ip.readU16(packet, at + 6) : undefined;
  return packet[at] === 2 ? ip.readU16(packet, at + 4) * 65_536 + ip.readU16(packet, at + 6) : undefined;
}
