/**
 * What an attacker sends: datagrams that are random, or made from real ones that were seen on the way. Pure; writes
 * whole IPv4/UDP packets into a slab and allocates nothing but for its own start.
 */
import type { Random } from '@corridor/sim';
import * as ip from '../emulator/ip.js';

export const ATTACKS = [
  'random bytes',
  'random transport datagrams of the live session',
  'truncated',
  'bits flipped',
  'replayed',
  'handshakes without a valid mac',
  'handshakes of unknown vehicles',
] as const;
export type Attack = (typeof ATTACKS)[number];

export interface ForgeInput {
  /** IPv4/UDP packets of a live session, vehicle to gateway. */
  readonly samples: readonly Uint8Array[];
  /** Payloads of well-made initiations whose key the gateway does not know. */
  readonly initiations: readonly Uint8Array[];
  readonly target: { readonly address: string; readonly port: number };
}

const HEADERS = 28;
const MOST_PAYLOAD = 1400;
const TYPE_INITIATION = 1;
const TYPE_TRANSPORT = 4;
/** Documentation prefix (RFC 5737) from which forged sources come. */
const STRANGERS = [198, 51, 100] as const;

export class Forge {
  private readonly target: Uint8Array;

  constructor(
    private readonly input: ForgeInput,
    private readonly random: Random,
  ) {
    if (input.samples.length === 0) throw new RangeError('at least one captured packet was expected');
    this.target = ip.parseAddress(input.target.address);
  }

  /** Writes one packet of an attack at `at`; answers its length. */
  write(attack: Attack, slab: Uint8Array, at: number): number {
    const payload = at + HEADERS;
    const { samples, initiations } = this.input;
    const sample = samples[this.random.below(samples.length)];
    switch (attack) {
      case 'random bytes':
        return this.fromStranger(slab, at, this.fill(slab, payload, this.random.below(MOST_PAYLOAD + 1)));
      case 'random transport datagrams of the live session': {
        const length = this.fill(slab, payload, 12 + this.random.below(MOST_PAYLOAD - 12));
        slab[payload] = TYPE_TRANSPORT;
        // Receiver index of the real session: past the first look, up to the authentication.
        for (let i = 4; i < 8; i++) slab[payload + i] = sample[HEADERS + i];
        return this.asVehicle(slab, at, length, sample);
      }
      case 'truncated': {
        const length = this.copy(slab, payload, sample);
        return this.asVehicle(slab, at, this.random.below(length), sample);
      }
      case 'bits flipped': {
        const length = this.copy(slab, payload, sample);
        for (let flips = 1 + this.random.below(8); flips > 0; flips--) {
          slab[payload + this.random.below(length)] ^= 1 << this.random.below(8);
        }
        return this.asVehicle(slab, at, length, sample);
      }
      case 'replayed':
        return this.asVehicle(slab, at, this.copy(slab, payload, sample), sample);
      case 'handshakes without a valid mac': {
        const length = this.fill(slab, payload, initiations[0].length);
        slab.set(initiations[0].subarray(0, 4), payload);
        slab[payload] = TYPE_INITIATION;
        return this.fromStranger(slab, at, length);
      }
      case 'handshakes of unknown vehicles': {
        const initiation = initiations[this.random.below(initiations.length)];
        slab.set(initiation, payload);
        return this.fromStranger(slab, at, initiation.length);
      }
    }
  }

  private fill(slab: Uint8Array, at: number, length: number): number {
    for (let i = 0; i < length; i++) slab[at + i] = this.random.nextInt32() >>> 24;
    return length;
  }

  /** Copies a sample's payload; answers its length. */
  private copy(slab: Uint8Array, at: number, sample: Uint8Array): number {
    for (let i = HEADERS; i < sample.length; i++) slab[at + i - HEADERS] = sample[i];
    return sample.length - HEADERS;
  }

  /** From the vehicle's own address and port half of the time, else from somebody else's. */
  private asVehicle(slab: Uint8Array, at: number, length: number, sample: Uint8Array): number {
    if (this.random.next() < 0.5) return this.fromStranger(slab, at, length);
    this.header(slab, at, length, ip.readU16(sample, 20));
    for (let i = 0; i < 4; i++) slab[at + 12 + i] = sample[12 + i];
    return this.seal(slab, at, length);
  }

  private fromStranger(slab: Uint8Array, at: number, length: number): number {
    this.header(slab, at, length, 1024 + this.random.below(64_000));
    for (let i = 0; i < 3; i++) slab[at + 12 + i] = STRANGERS[i];
    slab[at + 15] = 1 + this.random.below(254);
    return this.seal(slab, at, length);
  }

  private header(slab: Uint8Array, at: number, length: number, port: number): void {
    slab.fill(0, at, at + HEADERS);
    slab[at] = 0x45;
    ip.writeU16(slab, at + 2, HEADERS + length);
    slab[at + 8] = 64;
    slab[at + 9] = ip.PROTOCOL_UDP;
    for (let i = 0; i < 4; i++) slab[at + 16 + i] = this.target[i];
    ip.writeU16(slab, at + 20, port);
    ip.writeU16(slab, at + 22, this.input.target.port);
    // The UDP checksum stays 0: none, as IPv4 allows.
    ip.writeU16(slab, at + 24, 8 + length);
  }

  private seal(slab: Uint8Array, at: number, length: number): number {
    ip.writeU16(slab, at + 10, ~ip.fold(ip.sumWords(slab, at, 20)) & 0xffff);
    return HEADERS + length;
  }
}
