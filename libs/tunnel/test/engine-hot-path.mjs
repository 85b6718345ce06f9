/**
 * Run by hot-path.test.ts in a process of its own on the build, because a test runner's module wrapper keeps V8 from
 * inlining across modules. Two engines carry full batches one way and their acknowledgements back, with an AEAD that
 * only copies. Prints as JSON what is left on the heap of both engines together, and the nanoseconds of one packet and
 * side. What is left is told apart by letting little and much time pass from batch to batch: bytes of one batch, and
 * bytes of one millisecond, in which acknowledgements, probes and plans go out however many batches there are.
 *
 * Time stands at small integers, so that numbers which V8 boxes above 2^31 are told apart by the second argument:
 * the time at which it starts. The sixth is the size of the packets: small ones share datagrams.
 */
import { createHash } from 'node:crypto';
import { builtInStrategies } from '@corridor/strategy';
import {
  addressRecord,
  CIPHER_AES_256_GCM,
  createGatewayEngine,
  createVehicleEngine,
  DatagramBatch,
  PacketBatch,
} from '../dist/index.js';

const BATCH = 44;
const BYTES = Number(process.argv[6] ?? 1400);
/** Time from batch to batch, microseconds: 5 Gbit/s, and 1 Gbit/s. */
const QUICK_US = 100;
const SLOW_US = 500;
/** Until what runs only every 5 ms is optimised too. */
const WARM_UP_ROUNDS = 60_000;
const ROUNDS = Number(process.argv[2] ?? 4000);
const START_US = Number(process.argv[3] ?? 0);

/** Copies, in bulk: the engine's own work is what is measured. */
const aead = {
  next: 0,
  addKey() {
    return this.next++;
  },
  dropKey() {},
  seal(batch, source, target) {
    for (let i = 0; i < batch.count; i++) {
      const to = batch.target[i];
      for (let j = 0; j < 24; j++) target[to + j] = batch.header[i * 24 + j];
      copy(source, batch.source[i], target, to + 24, batch.sourceLength[i]);
    }
  },
  open(batch, source, target) {
    for (let i = 0; i < batch.count; i++) {
      batch.result[i] = batch.sourceLength[i] - 40;
      copy(source, batch.source[i] + 12, target, batch.target[i] - 12, batch.result[i] + 12);
    }
  },
};

/** Frames and bundles whole, of other packets only the headers: the rest never changes. */
function copy(source, from, target, to, length) {
  const bytes = BYTES > 400 && length > 600 ? 64 : length;
  for (let i = 0; i < bytes; i++) target[to + i] = source[from + i];
}

/** A handshake without cryptography: the engines see the same shapes. */
const handshake = {
  x25519: (privateKey, publicKey) => privateKey.map((byte, i) => byte ^ publicKey[i]),
  x25519PublicKey: (privateKey) => privateKey.slice(),
  blake2s: (...parts) => hash('', parts),
  hmacBlake2s: (key, ...parts) => hash('hmac', [key, ...parts]),
  chachaSeal: (_key, _nonce, _associated, plaintext) => {
    const sealed = new Uint8Array(plaintext.length + 16);
    sealed.set(plaintext);
    return sealed;
  },
  chachaOpen: (_key, _nonce, _associated, sealed) => sealed.slice(0, -16),
};
function hash(tag, parts) {
  const made = createHash('blake2s256').update(tag);
  for (const part of parts) made.update(part);
  return new Uint8Array(made.digest());
}

let draw = 1;
function random(length) {
  return Uint8Array.from({ length }, () => {
    draw = (draw * 48271) % 0x7fffffff;
    return draw & 0xff;
  });
}
const policy = { version: 1, default: { strategy: process.argv[4] ?? 'active-standby' }, classes: [] };

class End {
  constructor(peerAddress) {
    this.incoming = new DatagramBatch(2048, new Uint8Array(2048 * 2048));
    for (let i = 0; i < 2048; i++) {
      this.incoming.offset[i] = i * 2048;
      this.incoming.address.set(peerAddress, i * 40);
    }
    this.socketOf = [];
    this.delivered = 0;
  }
  options(seed) {
    const routes = { set: (route, socket) => (this.socketOf[route] = socket), delete() {} };
    return {
      primitives: { aead, handshake, random, routes },
      privateKey: new Uint8Array(32).fill(seed),
      ciphers: [CIPHER_AES_256_GCM],
      strategies: builtInStrategies,
      policy,
      mtu: 1400,
    };
  }
  datagrams(outbox) {
    const { incoming } = this.other;
    for (let i = 0; i < outbox.count; i++) {
      const at = incoming.count++;
      incoming.length[at] = outbox.length[i];
      incoming.socket[at] = this.socketOf[outbox.route[i]];
      incoming.receivedAtUs[at] = clock[0];
      copy(outbox.bytes, outbox.offset[i], incoming.bytes, incoming.offset[at], outbox.length[i]);
    }
  }
  packets(batch) {
    this.delivered += batch.count;
  }
  event() {}
}

const vehicleAddress = addressRecord(Uint8Array.of(198, 51, 100, 7), 4000);
const gatewayAddress = addressRecord(Uint8Array.of(203, 0, 113, 10), 4510);
const vehicle = new End(gatewayAddress);
const gateway = new End(vehicleAddress);
vehicle.other = gateway;
gateway.other = vehicle;
const clock = new Float64Array([START_US]);
vehicle.engine = createVehicleEngine({ ...vehicle.options(1), gatewayPublicKey: new Uint8Array(32).fill(2) });
gateway.engine = createGatewayEngine(gateway.options(2), [
  { name: 'rtw-1', publicKey: new Uint8Array(32).fill(1), addresses: ['10.77.0.2/32'] },
]);

const packets = new PacketBatch(BATCH);
/** Milliseconds of each side; reading the time allocates, so it is done apart from measuring the heap. */
const spent = new Float64Array(2);
let timed = false;
let stepUs = SLOW_US;
/** Times of the rounds to come, boxed beforehand, as reading a clock is the host's affair. The text keeps them boxed. */
const times = ['boxed'];
let now = START_US;

function exchange(to, side) {
  const { incoming } = to;
  if (incoming.count === 0) return;
  if (timed) spent[side] -= performance.now();
  to.engine.receiveDatagrams(incoming, now);
  to.engine.drain(to);
  incoming.count = 0;
  if (timed) spent[side] += performance.now();
}

function tick(end) {
  if (end.engine.nextDeadlineUs() > clock[0]) return;
  end.engine.tick(now);
  end.engine.drain(end);
}

function round(number) {
  now = times[number];
  clock[0] = now;
  const { engine } = vehicle;
  packets.count = engine.lendSlots(packets);
  for (let i = 0; i < packets.count; i++) {
    const at = packets.offset[i];
    packets.length[i] = BYTES;
    packets.group[i] = 1 + (number & 7);
    engine.sendSlab[at] = 0x45;
    engine.sendSlab[at + 1] = 0;
    engine.sendSlab[at + 2] = BYTES >> 8;
    engine.sendSlab[at + 3] = BYTES & 0xff;
    engine.sendSlab[at + 6] = 0;
    engine.sendSlab[at + 7] = 0;
    engine.sendSlab[at + 9] = 17;
    engine.sendSlab[at + 12] = 10;
    engine.sendSlab[at + 13] = 77;
    engine.sendSlab[at + 14] = 0;
    engine.sendSlab[at + 15] = 2;
  }
  if (timed) spent[0] -= performance.now();
  engine.sendPackets(packets, now);
  engine.drain(vehicle);
  if (timed) spent[0] += performance.now();
  exchange(gateway, 1);
  exchange(vehicle, 0);
  tick(vehicle);
  tick(gateway);
}

const links = Number(process.argv[5] ?? 3);
const uplinks = Array.from({ length: links }, (_, i) => ({
  name: `w${i}`,
  socket: i,
  remotes: [gatewayAddress],
  priority: 1 + i,
  metered: false,
}));
vehicle.engine.setUplinks(uplinks, [], clock[0]);
vehicle.engine.drain(vehicle);
foresee(WARM_UP_ROUNDS);
rounds(WARM_UP_ROUNDS);
if (gateway.delivered < 0.95 * WARM_UP_ROUNDS * BATCH) throw new Error(`only ${gateway.delivered} packets arrived`);

function foresee(count) {
  for (let i = 1; i <= count; i++) times[i] = clock[0] + i * stepUs;
}

function rounds(count) {
  for (let i = 1; i <= count; i++) round(i);
}

/**
 * Bytes left by one batch at a pace: the median of several stretches. V8's own doings, such as optimising once more or
 * collecting, fall into a few of them.
 */
function left(pace) {
  stepUs = pace;
  foresee(ROUNDS);
  rounds(ROUNDS);
  globalThis.gc();
  const stretches = Array.from({ length: 9 }, () => {
    foresee(ROUNDS);
    const before = process.memoryUsage().heapUsed;
    rounds(ROUNDS);
    return (process.memoryUsage().heapUsed - before) / ROUNDS;
  });
  return stretches.sort((a, b) => a - b)[4];
}

function time() {
  timed = true;
  let nanoseconds = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let attempt = 0; attempt < 3; attempt++) {
    spent.fill(0);
    foresee(ROUNDS);
    rounds(ROUNDS);
    nanoseconds = nanoseconds.map((best, side) => Math.min(best, (spent[side] * 1e6) / (ROUNDS * BATCH)));
  }
  return nanoseconds;
}

const slow = left(SLOW_US);
const quick = left(QUICK_US);
const bytesPerMs = ((slow - quick) / (SLOW_US - QUICK_US)) * 1000;
const bytesPerBatch = quick - (bytesPerMs * QUICK_US) / 1000;
const [vehicleNs, gatewayNs] = time();
const { packetsSent, datagramsSaved } = vehicle.engine.status(now)[0].counters;
const saved = datagramsSaved / packetsSent;
console.log(JSON.stringify({ bytesPerBatch, bytesPerMs, vehicleNs, gatewayNs, saved }));
