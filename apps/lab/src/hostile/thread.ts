/** The attacker's thread: a device of its own in the gateway, "the rest of the internet", and floods out of it. */
import { DeadlineTimer, nowUs, TunDevice } from '@corridor/packet-io';
import { Random } from '@corridor/sim';
import { PacketBatch, SLOT_BYTES } from '@corridor/tunnel';
import { serve } from '../thread/rpc.js';
import { type Attack, Forge, type ForgeInput } from './forge.js';

export interface FloodOrder {
  readonly attack: Attack;
  readonly seconds: number;
  readonly perSecond: number;
}

export interface FloodResult {
  readonly datagrams: number;
  readonly bytes: number;
  /** What the gateway sent back to the forged sources. */
  readonly replies: number;
  readonly replyBytes: number;
}

const BATCH = 256;
const STEP_US = 1000;

let device: TunDevice | undefined;
let forge: Forge | undefined;
const slab = new Uint8Array(BATCH * SLOT_BYTES);
const out = new PacketBatch(BATCH);
const replySlab = new Uint8Array(BATCH * SLOT_BYTES);
const replyBatch = new PacketBatch(BATCH);
let replies = 0;
let replyBytes = 0;

function readReplies(tun: TunDevice): void {
  for (let i = 0; i < BATCH; i++) replyBatch.offset[i] = i * SLOT_BYTES;
  const count = tun.read(replySlab, replyBatch, BATCH);
  for (let i = 0; i < count; i++) replyBytes += replyBatch.length[i];
  replies += count;
}

const methods = {
  /** Makes the device; the main thread gives it its routes. */
  open(netns: string, name: string): void {
    const tun = TunDevice.open({ name, netns, offload: false });
    tun.onReadable = () => readReplies(tun);
    tun.start();
    device = tun;
  },

  arm(input: ForgeInput, seed: number): void {
    forge = new Forge(input, new Random(seed));
  },

  flood({ attack, seconds, perSecond }: FloodOrder): Promise<FloodResult> {
    const tun = device;
    const smith = forge;
    if (tun === undefined || smith === undefined) throw new Error('the attacker is not ready');
    const startUs = nowUs();
    const total = Math.round(seconds * perSecond);
    const before = { replies, replyBytes };
    let sent = 0;
    let bytes = 0;
    return new Promise((resolve) => {
      const timer = new DeadlineTimer(() => {
        const due = Math.min(total, Math.floor(((nowUs() - startUs) * perSecond) / 1e6));
        out.count = 0;
        while (sent + out.count < due && out.count < BATCH) {
          const at = out.count * SLOT_BYTES;
          out.offset[out.count] = at;
          out.length[out.count] = smith.write(attack, slab, at);
          bytes += out.length[out.count];
          out.count++;
        }
        sent += out.count;
        if (out.count > 0) tun.write(slab, out);
        if (sent < total) {
          timer.arm(nowUs() + STEP_US);
          return;
        }
        timer.close();
        resolve({
          datagrams: sent,
          bytes,
          replies: replies - before.replies,
          replyBytes: replyBytes - before.replyBytes,
        });
      });
      timer.arm(startUs);
    });
  },
};

export type HostileMethods = typeof methods;

serve(methods);
