/** TCP connections through the tunnel are told the size that its paths carry, by both ends and in both directions. */
import { describe, expect, it } from 'vitest';
import { fillHeaderChecksum, fillTcpChecksum, headerSum, transportSum } from './checksums.js';
import { testPrimitives } from './node-primitives.js';
import { ipv4, ipv6 } from './packets.js';
import { type Host, SECOND, vehicleKey, World } from './world.js';

const V4 = { vehicle: [10, 77, 0, 2], gateway: [10, 77, 0, 1] };
const V6 = { vehicle: inner6(2), gateway: inner6(1) };
/** Outer and inner header and tag. */
const OVERHEAD = 40;

function inner6(last: number): number[] {
  return [0xfd, 0x77, ...new Array(13).fill(0), last];
}

/** A SYN that offers segments of `mss` bytes. */
function syn(family: 4 | 6, from: 'vehicle' | 'gateway', mss: number): Uint8Array {
  const options = [2, 4, mss >> 8, mss & 0xff];
  const payload = [0x9c, 0x40, 0x14, 0x51, 1, 2, 3, 4, 0, 0, 0, 0, 6 << 4, 2, 0xfa, 0xf0, 0, 0, 0, 0, ...options];
  const to = from === 'vehicle' ? 'gateway' : 'vehicle';
  if (family === 6) {
    return fillTcpChecksum(ipv6({ protocol: 6, payload, source: V6[from], destination: V6[to] }), 40);
  }
  const packet = ipv4({ protocol: 6, payload, source: V4[from], destination: V4[to] });
  return fillHeaderChecksum(fillTcpChecksum(packet, 20));
}

/** What `host` delivers, from now on. */
function deliveries(host: Host<never>): Uint8Array[] {
  const seen: Uint8Array[] = [];
  host.packets = (batch) => {
    const slab = (host.engine as { receiveSlab: Uint8Array }).receiveSlab;
    for (let i = 0; i < batch.count; i++) seen.push(slab.slice(batch.offset[i], batch.offset[i] + batch.length[i]));
  };
  return seen;
}

/** Sends a SYN through the tunnel. Answers the MSS that comes out, having looked at its checksums. */
function through(world: World, from: 'vehicle' | 'gateway', family: 4 | 6, mss: number): number {
  const seen = deliveries((from === 'vehicle' ? world.gateway : world.vehicle) as unknown as Host<never>);
  world[from].sendBytes(syn(family, from, mss));
  world.run(0.5 * SECOND);
  expect(seen).toHaveLength(1);
  const [packet] = seen;
  const tcpAt = family === 4 ? 20 : 40;
  if (family === 4) expect(headerSum(packet)).toBe(0xffff);
  expect(transportSum(packet, tcpAt, 6)).toBe(0xffff);
  expect([...packet.subarray(tcpAt + 20, tcpAt + 22)]).toEqual([2, 4]);
  return (packet[tcpAt + 22] << 8) | packet[tcpAt + 23];
}

/** Two links, of which the second loses longer datagrams from one end than `limit` bytes of UDP payload. */
function narrow(limit: number, sender: 'vehicle' | 'gateway'): World {
  const world = new World({ delaysMs: [20, 30] });
  const host = world[sender];
  const forward = host.onDatagram;
  host.onDatagram = (socket, to, bytes) => {
    const link = sender === 'vehicle' ? socket : to[11];
    if (link !== 1 || bytes.length <= limit) forward(socket, to, bytes);
  };
  const publicKey = testPrimitives.x25519PublicKey(vehicleKey());
  const addresses = ['10.77.0.2/32', 'fd77::2/128'];
  world.gateway.mutate((engine, nowUs) => engine.addVehicle({ name: 'rtw-1', publicKey, addresses }, nowUs));
  return world.start();
}

const ENDS = ['vehicle', 'gateway'] as const;
const CASES = ENDS.flatMap((from) => [4, 6].map((family) => [from, family as 4 | 6] as const));

describe('a TCP connection that is opened through the tunnel', () => {
  it.each(CASES)('from the %s, over IPv%d, is told the tunnel MTU', (from, family) => {
    const headers = family === 4 ? 40 : 60;
    expect(through(narrow(1500, 'vehicle'), from, family, 8960)).toBe(1400 - headers);
  });

  describe.each(ENDS)('while a path is narrow for the %s', (sender) => {
    it.each(CASES)('from the %s, over IPv%d, is told what that path carries', (from, family) => {
      const limit = 1300;
      const headers = family === 4 ? 40 : 60;
      const mss = through(narrow(limit, sender), from, family, 1460);
      expect(mss + headers + OVERHEAD).toSatisfy((size: number) => size > limit - 8 && size <= limit);
    });

    it.each(CASES)('from the %s, over IPv%d, keeps what is smaller anyway', (from, family) => {
      expect(through(narrow(1300, sender), from, family, 1000)).toBe(1000);
    });
  });

  it('is told the tunnel MTU again once the narrow path is down', () => {
    const world = narrow(1300, 'vehicle');
    world.blackout(1);
    // A path that nothing is sent on is asked once a second while others carry something.
    world.every(0.1 * SECOND, 3 * SECOND, () => world.sendUp());
    world.run(4 * SECOND);
    expect(through(world, 'vehicle', 4, 1460)).toBe(1360);
  });
});
