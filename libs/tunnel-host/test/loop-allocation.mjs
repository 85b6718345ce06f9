/**
 * Bytes of heap that the built loop allocates per batch, with an engine, a TUN device and a sender that allocate nothing
 * themselves. In a process of its own: a test runner's module wrapper stops V8 from inlining across modules.
 * Prints { tunBytesPerBatch, udpBytesPerBatch }.
 */
import { DatagramOutbox, PacketBatch } from '@corridor/tunnel';
import { TunnelLoop } from '../dist/loop.js';

const outbox = new DatagramOutbox(256);
outbox.count = 64;
const packets = new PacketBatch(256);
packets.count = 64;

/** Moves 64 packets a batch; wants to be woken in an hour, a little later each time. */
class Engine {
  sendSlab = new Uint8Array(1 << 16);
  receiveSlab = new Uint8Array(1 << 16);
  calls = 0;
  lendSlots(batch) {
    // As many as are read: the loop asks again until its turn is over.
    return Math.min(64, batch.capacity);
  }
  sendPackets() {
    this.calls++;
  }
  receiveDatagrams() {
    this.calls++;
  }
  tick() {
    this.calls++;
  }
  drain(sink) {
    sink.datagrams(outbox);
    sink.packets(packets);
  }
  nextDeadlineUs() {
    return Number.POSITIVE_INFINITY;
  }
}

const tun = {
  gone: false,
  onReadable: () => {},
  read: (_slab, batch) => (batch.count = 64),
  write: (_slab, batch) => batch.count,
  start() {},
  stop() {},
};
const sender = { send: (batch) => batch.count, attach() {}, detach() {} };
const socket = { id: 0, onReadable: () => {}, receive: (batch) => (batch.count = 64), start() {} };

const engine = new Engine();
const loop = new TunnelLoop(
  engine,
  tun,
  sender,
  () => {},
  () => {},
);
loop.addSocket(socket, 0);

/** Heap bytes per batch of `turn`, which moves `batches` of them. */
function measure(turn, batches) {
  for (let i = 0; i < 20_000; i++) turn();
  global.gc();
  const turns = 20_000;
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < turns; i++) turn();
  return Math.round(((process.memoryUsage().heapUsed - before) / turns / batches) * 10) / 10;
}

const result = {
  tunBytesPerBatch: measure(() => tun.onReadable(), 4),
  udpBytesPerBatch: measure(() => socket.onReadable(), 4),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
loop.stop();
