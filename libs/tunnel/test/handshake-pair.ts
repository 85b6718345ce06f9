/** A vehicle and a gateway that know each other, with seeded randomness. */
import { addressRecord } from '../src/address.js';
import { type Established, type GatewayAnswer, GatewayHandshake, VehicleHandshake } from '../src/handshake/index.js';
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305, type CipherId } from '../src/primitives.js';
import { testPrimitives as primitives, seededRandom } from './node-primitives.js';

export const BOTH: readonly CipherId[] = [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305];
export const SOURCE = addressRecord(Uint8Array.of(203, 0, 113, 9), 40_000);
export const VEHICLE_INSTANCE = new Uint8Array(8).fill(7);
export const GATEWAY_INSTANCE = new Uint8Array(8).fill(9);

export interface PairOptions {
  gatewayCiphers?: readonly CipherId[];
  initiationsPerSecond?: number;
}

export class HandshakePair {
  readonly random = seededRandom('pair');
  readonly gatewayKey = this.random(32);
  readonly vehicleKey = this.random(32);
  readonly vehiclePublic = primitives.x25519PublicKey(this.vehicleKey);
  readonly gatewayPublic = primitives.x25519PublicKey(this.gatewayKey);
  readonly vehicle = this.newVehicle(this.vehicleKey);
  readonly gateway: GatewayHandshake<string>;

  constructor(options: PairOptions = {}) {
    this.gateway = new GatewayHandshake<string>({
      primitives,
      random: this.random,
      privateKey: this.gatewayKey,
      ciphers: options.gatewayCiphers ?? BOTH,
      lookup: (key) => (Buffer.from(key).equals(this.vehiclePublic) ? 'rtw-1' : undefined),
      ...(options.initiationsPerSecond !== undefined && { initiationsPerSecond: options.initiationsPerSecond }),
    });
  }

  newVehicle(privateKey: Uint8Array, gatewayPublic = this.gatewayPublic): VehicleHandshake {
    return new VehicleHandshake(primitives, this.random, privateKey, gatewayPublic);
  }

  /** Begins an attempt and answers its datagram. */
  initiation(index = 1, ciphers: readonly CipherId[] = BOTH, vehicle = this.vehicle, nowUs = 0): Uint8Array {
    vehicle.begin(index, ciphers, VEHICLE_INSTANCE);
    return vehicle.datagram(0, nowUs);
  }

  /** Shows the gateway a datagram, in the middle of a larger buffer as the engine does. */
  receive(datagram: Uint8Array, nowUs = 0, source = SOURCE): GatewayAnswer<string> {
    const arena = new Uint8Array(datagram.length + 20).fill(0xee);
    arena.set(datagram, 7);
    const addresses = new Uint8Array(source.length * 2);
    addresses.set(source, source.length);
    return this.gateway.receive(arena, 7, datagram.length, addresses, source.length, nowUs);
  }

  /** Shows the gateway an initiation that it must follow, and lets it respond. */
  respond(datagram: Uint8Array, index = 2, nowUs = 0): { datagram: Uint8Array; established: Established } {
    const answer = this.receive(datagram, nowUs);
    if (answer.kind !== 'initiation') throw new Error(`not followed: ${answer.reason}`);
    return this.gateway.respond(answer.initiation, index, GATEWAY_INSTANCE);
  }

  consume(response: Uint8Array, vehicle = this.vehicle): ReturnType<VehicleHandshake['consumeResponse']> {
    return vehicle.consumeResponse(response, 0, response.length);
  }
}
