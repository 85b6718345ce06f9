// A worker that uses everything at once until it is ended from outside, by itself, or by an exception.
// workerData: { addon, end: 'terminate' | 'exit' | 'throw' | 'return' }
const { parentPort, workerData } = require('node:worker_threads');
const addon = require(workerData.addon);

const shared = (n) => new Float64Array(new SharedArrayBuffer(8 * n));
const int = (n) => new Int32Array(n);
const bytes = new Uint8Array(2 << 20);
const slab = new Uint8Array(64 * 2048);
const positions = Int32Array.from({ length: 64 }, (_, i) => i * 2048 + 64);
const [length, group, socketIds, stamps, addresses] = [
  int(64),
  int(64),
  int(64),
  new Float64Array(64),
  new Uint8Array(64 * 40),
];
const received = int(64);
let rounds = 0;

const tun = new addon.Tun('busy%d', 1500, true, undefined, 100, shared(20), () => {
  tun.read(slab, positions, length, group, 64);
});
tun.start();
const udp = new addon.Udp(1, 4, undefined, '127.0.0.1', 0, undefined, 0, 0, 0, false, shared(20), onReadable);
const sender = new addon.Sender(shared(4));
sender.attach(udp);
const record = new Uint8Array(40);
record.set([4, 0, udp.localPort & 255, udp.localPort >> 8]);
record.set([127, 0, 0, 1], 8);
sender.set(0, 1, record);
const aead = new addon.Aead(shared(4), addon.aeadImplementations[0]);
const key = aead.addKey(2, new Uint8Array(32));
const at = shared(1);
const timer = new addon.Timer(at, () => send());
const watch = new addon.LinkWatch(undefined, () => {});
watch.start();

const lengths = int(20).fill(1000);
function send() {
  aead.seal(
    1,
    Int32Array.of(key),
    new Uint8Array(24),
    Int32Array.of(64),
    Int32Array.of(900),
    Int32Array.of(0),
    slab,
    bytes,
  );
  sender.send(slab, positions.subarray(0, 20), lengths, int(20), 20);
  at[0] = 1;
  timer.arm();
}
function onReadable() {
  // A small capacity: a rest is always waiting.
  udp.receive(bytes, received, length, socketIds, stamps, addresses, 7);
  if (++rounds === 20) parentPort.postMessage('busy');
  if (rounds < 40) return;
  if (workerData.end === 'exit') process.exit(0);
  if (workerData.end === 'throw') throw new Error('on purpose');
  if (workerData.end === 'return') for (const object of [udp, tun, timer, watch]) object.close();
}
udp.start();
send();
