/** An attacker with a seed: what it has caught, what it makes of it, and an account of what became of every datagram. */
import { DATAGRAM_TRANSPORT } from '@corridor/wire';
import { ADDRESS_BYTES, type AddressRecord, DatagramBatch } from '../src/batch.js';
import type { Engine } from '../src/engine.js';
import { type Host, MS, SECOND, World, type WorldOptions } from './world.js';

const BATCH = 64;
const LONGEST = 2048;
/** Places of the port and of the remote address in an address record. */
const PORT = 2;
const REMOTE = 8;
/** Places in a transport datagram: receiver index, and the highest byte of the packet number's lower half. */
const RECEIVER = 4;
const NUMBER_HIGH = 11;

/** Small and fast: xorshift32. Answers integers from [0, below). */
export function generator(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Writes one hostile datagram to the beginning of `to` and answers its length. */
export type Forger = (to: Uint8Array) => number;

/** What an eavesdropper has of one direction: handshake datagrams and transport datagrams, whole. */
export interface Catch {
  readonly handshakes: Uint8Array[];
  readonly transport: Uint8Array[];
}

/** A session with traffic both ways, and what was caught of it, up and down. */
export function eavesdrop(options: WorldOptions): { world: World; up: Catch; down: Catch } {
  const world = new World(options);
  const up: Catch = { handshakes: [], transport: [] };
  const down: Catch = { handshakes: [], transport: [] };
  // Nothing that is under way when the attack begins: whoever is faster than the original does not replay.
  const untilUs = 3 * SECOND;
  const early = () => world.nowUs < untilUs;
  tap(world.vehicle, (bytes) => early() && keep(up, bytes));
  tap(world.gateway, (bytes) => early() && keep(down, bytes));
  world.start();
  world.every(5 * MS, 1.5 * SECOND, () => world.sendUp(300));
  world.every(5 * MS, 1.5 * SECOND, () => world.sendDown(200));
  world.run(2 * SECOND);
  return { world, up, down };
}

/** A host, whichever engine it drives. */
type AnyHost = Pick<Host<Engine>, 'mutate' | 'onDatagram'>;

function tap(host: AnyHost, see: (bytes: Uint8Array) => unknown): void {
  const forward = host.onDatagram;
  host.onDatagram = (socket, to, bytes) => {
    see(bytes);
    forward(socket, to, bytes);
  };
}

function keep(caught: Catch, bytes: Uint8Array): void {
  (bytes[0] === DATAGRAM_TRANSPORT ? caught.transport : caught.handshakes).push(bytes.slice());
}

/** Ways to make hostile datagrams of what was caught. `foreign` is a catch from another session, under other keys. */
export function forgers(draw: (below: number) => number, own: Catch, foreign: Catch): Record<string, Forger> {
  const noise = Uint8Array.from({ length: 1 << 16 }, () => draw(256));
  const one = (list: Uint8Array[]) => list[draw(list.length)];
  const any = () => (draw(2) === 0 ? one(own.handshakes) : one(own.transport));
  const copy = (to: Uint8Array, bytes: Uint8Array, length = bytes.length) => {
    for (let i = 0; i < length; i++) to[i] = bytes[i];
    return length;
  };
  const flipped = (to: Uint8Array, bytes: Uint8Array) => {
    const length = copy(to, bytes);
    // The type stays, or it would be random bytes; a flip of the rest.
    for (let flips = 1 + draw(3); flips > 0; flips--) to[1 + draw(length - 1)] ^= 1 << draw(8);
    return length;
  };
  return {
    random(to) {
      const length = draw(100) === 0 ? draw(LONGEST) : draw(200);
      const from = draw(noise.length - length);
      for (let i = 0; i < length; i++) to[i] = noise[from + i];
      // Half of them look like something at the first byte.
      if (length > 0 && draw(2) === 0) to[0] = 1 + draw(4);
      return length;
    },
    truncated(to) {
      const bytes = any();
      return copy(to, bytes, draw(bytes.length));
    },
    'bit-flipped transport': (to) => flipped(to, one(own.transport)),
    'bit-flipped handshake': (to) => flipped(to, one(own.handshakes)),
    'replayed transport': (to) => copy(to, one(own.transport)),
    'replayed handshake': (to) => copy(to, one(own.handshakes)),
    'wrong key'(to) {
      const length = copy(to, one(foreign.transport));
      copy(to.subarray(RECEIVER), own.transport[own.transport.length - 1].subarray(RECEIVER), 4);
      // Far ahead, so that no replay window says no before the keys do.
      to[NUMBER_HIGH] = 0x40 | draw(0x40);
      return length;
    },
    'unknown session': (to) => {
      const length = copy(to, one(own.transport));
      for (let i = 0; i < 4; i++) to[RECEIVER + i] = draw(256);
      return length;
    },
    'unknown peer': (to) => copy(to, one(foreign.handshakes)),
  };
}

/** Feeds an engine in batches from one address, and holds what comes back there against what it answers. */
export class Attacker {
  fed = 0;
  replies = 0;
  /** Replies by type of datagram. */
  readonly repliesOf = new Map<number, number>();
  /** Replies that answer nothing, or are longer than what they answer. */
  amplified = 0;
  private readonly batch = new DatagramBatch(BATCH, new Uint8Array(BATCH * LONGEST));
  private readonly places: Uint8Array[] = [];

  constructor(
    private readonly host: AnyHost,
    private readonly from: AddressRecord,
    private readonly nowUs: () => number,
  ) {
    for (let i = 0; i < BATCH; i++) {
      this.batch.offset[i] = i * LONGEST;
      this.places.push(this.batch.bytes.subarray(i * LONGEST, (i + 1) * LONGEST));
      this.batch.address.set(from, i * ADDRESS_BYTES);
      // A port for each, by which its reply is known.
      this.batch.address[i * ADDRESS_BYTES + PORT] = i;
    }
    const forward = host.onDatagram;
    host.onDatagram = (socket, to, bytes) => {
      if (this.isMine(to)) this.account(to[PORT], bytes);
      else forward(socket, to, bytes);
    };
  }

  /** Feeds `count` datagrams. An exception of the engine goes through. */
  feed(forge: Forger, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.batch.count++;
      this.batch.length[at] = forge(this.places[at]);
      if (this.batch.count === BATCH) this.flush();
    }
    this.flush();
  }

  private flush(): void {
    const { batch } = this;
    this.fed += batch.count;
    batch.socket.fill(0);
    batch.receivedAtUs.fill(this.nowUs());
    this.host.mutate((engine: Engine, nowUs: number) => engine.receiveDatagrams(batch, nowUs));
    batch.count = 0;
  }

  private isMine(to: AddressRecord): boolean {
    if (to[PORT] >= BATCH || to[PORT + 1] !== this.from[PORT + 1]) return false;
    for (let i = REMOTE; i < REMOTE + 4; i++) if (to[i] !== this.from[i]) return false;
    return true;
  }

  private account(port: number, bytes: Uint8Array): void {
    this.replies++;
    this.repliesOf.set(bytes[0], (this.repliesOf.get(bytes[0]) ?? 0) + 1);
    const answers = port < this.batch.count ? this.batch.length[port] : 0;
    if (bytes.length > answers) this.amplified++;
    // One reply each: a second one answers nothing.
    this.batch.length[port] = 0;
  }
}
